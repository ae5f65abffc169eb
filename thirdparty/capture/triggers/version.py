"""The number of this version of the triggers. It stands in each of them, in the database.

Whoever changes what a trigger does raises it: by the number, never by the text, it is decided which of two versions is
the newer one. A process beside newer triggers works on; one beside older ones refuses, until ``migrate`` has replaced
them. Going back to what an older version did is a new version too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

VERSION = 1
MARK = f"/* usersync triggers {VERSION} */"
_MARKED = re.compile(r"/\* usersync triggers (\d+) \*/")


def version_of(text: str) -> int:
    """The number in a trigger's text; 0 where there is none: somebody else wrote it."""
    marked = _MARKED.search(text)
    return int(marked[1]) if marked else 0


@dataclass(frozen=True, slots=True)
class Found:
    """One trigger as the database has it. ``fires``: it is not switched off."""

    name: str
    text: str
    fires: bool = True


@dataclass(frozen=True, slots=True)
class Survey:
    """What is not in place. ``absent`` ones recorded nothing; ``outdated`` ones recorded what their version owed.

    ``switched_off``: those of a newer version, whose text is not this process's to write.
    """

    absent: tuple[str, ...] = ()
    outdated: tuple[str, ...] = ()
    switched_off: tuple[str, ...] = ()

    @property
    def missing(self) -> list[str]:
        return [*self.absent, *self.outdated, *self.switched_off]


def survey(wanted: dict[str, str], present: Iterable[Found]) -> Survey:
    """Hold the triggers that are there against the texts of this version."""
    found = {trigger.name: trigger for trigger in present}
    if any(version_of(trigger.text) > VERSION for trigger in found.values()):
        return Survey(switched_off=tuple(name for name, trigger in found.items() if not trigger.fires))
    absent, outdated = [], []
    for name, text in wanted.items():
        trigger = found.get(name)
        if trigger is not None and trigger.fires and 0 < version_of(trigger.text) < VERSION:
            outdated.append(name)
        elif trigger is None or not trigger.fires or trigger.text != text:
            absent.append(name)
    return Survey(tuple(absent), tuple(outdated))
