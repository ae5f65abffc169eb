"""What is wanted here beside what a target holds, field by field, for people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from thirdparty import targets
from thirdparty.admin.badge import badge
from thirdparty.decide.compare import NOT_TOLD
from thirdparty.observe.explain import Explanation


@dataclass(frozen=True, slots=True)
class Line:
    """One field. ``is_known``: the target was asked for it, and ``there`` is what it holds."""

    field: str
    here: Any
    there: Any
    is_known: bool
    badge: SafeString | str
    differs: bool = False


def lines(explanation: Explanation) -> list[Line]:
    """A line for each field that is wanted, and for whatever else differs."""
    wanted = explanation.wanted_fields
    otherwise = {item.field: item for item in explanation.difference or ()}
    compared = _compared(explanation) if explanation.difference is not None else set()
    is_there = not otherwise or "record" not in otherwise
    found = [
        Line(
            item.field, item.wanted, item.found,
            is_known=item.found != NOT_TOLD, badge=badge(_("differs"), "warning"), differs=True,
        )
        for item in otherwise.values()
        if item.field not in wanted
    ]  # fmt: skip
    for name, here in wanted.items():
        if name in otherwise:
            there, word = otherwise[name].found, badge(_("differs"), "warning")
            found.append(Line(name, here, there, is_known=True, badge=word, differs=True))
        elif is_there and name in compared:
            found.append(Line(name, here, here, is_known=True, badge=badge(_("equal"), "success")))
        else:
            unknown = badge(_("not compared")) if is_there and compared else ""
            found.append(Line(name, here, None, is_known=False, badge=unknown))
    return found


def _compared(explanation: Explanation) -> set[str]:
    """The names of the fields of which a target's answer tells whether they differ."""
    if explanation.wanted is None:
        return set()
    connector = targets.connector(explanation.target, explanation.kind)
    return {"key", *connector.comparable(explanation.wanted.payload)}
