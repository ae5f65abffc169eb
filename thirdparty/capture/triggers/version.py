"""The number of a trigger's version. It stands in each of them, in the database.

It is that of the engine and that of the declaration. Whoever changes what a trigger does raises one of them: by the
number, never by the text, it is decided which of two versions is the newer one. A process beside newer triggers works
on; one beside older ones refuses, until ``migrate`` has replaced them. Going back to what an older version did is a new
version too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

VERSION = 1
"""Of what the engine makes of a declaration."""
_MARKED = re.compile(r"/\* thirdparty triggers (\d+)\.(\d+) of ([\w.]+) \*/")
Number = tuple[int, int]
_NONE = (0, 0)


def mark(kind: str, version: int) -> str:
    """What stands in each trigger of this kind."""
    return f"/* thirdparty triggers {VERSION}.{version} of {kind} */"


def marked(text: str) -> tuple[str, Number]:
    """The kind and the number in a trigger's text; nothing and zeros where there are none: somebody else wrote it."""
    found = _MARKED.search(text)
    return (found[3], (int(found[1]), int(found[2]))) if found else ("", _NONE)


@dataclass(frozen=True, slots=True)
class Found:
    """One trigger as the database has it. ``fires``: it is not switched off."""

    name: str
    text: str
    fires: bool = True


@dataclass(frozen=True, slots=True)
class Survey:
    """What is not in place. ``absent`` ones recorded nothing; ``outdated`` ones recorded what their version owed.

    ``switched_off``: those of a newer version, whose text is not this process's to write. ``needless``: an older version
    had them, this one has none of that name. ``undeclared``: of kinds that this process has no declaration of.
    """

    absent: tuple[str, ...] = ()
    outdated: tuple[str, ...] = ()
    switched_off: tuple[str, ...] = ()
    needless: tuple[str, ...] = ()
    undeclared: tuple[str, ...] = ()

    @property
    def missing(self) -> list[str]:
        return [*self.absent, *self.outdated, *self.switched_off]


def survey(wanted: dict[str, str], present: Iterable[Found]) -> Survey:
    """Hold the triggers that are there against the texts of this version, one kind after the other."""
    found = {trigger.name: trigger for trigger in present}
    numbers = dict(map(marked, wanted.values()))
    newer = {
        kind
        for trigger in found.values()
        for kind, number in [marked(trigger.text)]
        if number > numbers.get(kind, number)
    }
    absent, outdated = [], []
    for name, text in wanted.items():
        kind, number = marked(text)
        trigger = found.get(name)
        if kind in newer:
            continue
        if trigger is not None and trigger.fires and _NONE < marked(trigger.text)[1] < number:
            outdated.append(name)
        elif trigger is None or not trigger.fires or trigger.text != text:
            absent.append(name)
    off = [name for name, trigger in found.items() if not trigger.fires and marked(trigger.text)[0] in newer]
    needless = [
        name for name, trigger in found.items() for kind, _ in [marked(trigger.text)]
        if name not in wanted and kind in numbers and kind not in newer
    ]  # fmt: skip
    undeclared = [
        name for name, trigger in found.items() for kind, (engine, _) in [marked(trigger.text)]
        if kind and kind not in numbers and engine <= VERSION
    ]  # fmt: skip
    return Survey(tuple(absent), tuple(outdated), tuple(off), tuple(needless), tuple(undeclared))
