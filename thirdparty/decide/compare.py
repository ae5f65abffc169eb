"""In what a found payload differs from the wanted one, field by field. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, is_dataclass
from typing import Any

from thirdparty.connectors.base import Payload

Comparable = Callable[[Payload], Mapping[str, Any]]
"""`thirdparty.connectors.base.Connector.comparable`."""


NOT_TOLD = "not told"
"""In place of what a target holds in a field of ours: what was read of it has no room for that field."""

_NOTHING: tuple[Any, ...] = (None, "", [], {})


@dataclass(frozen=True, slots=True)
class FieldDifference:
    """One field in which the target differs from what is wanted. ``found`` is None, too, for a field that it lacks."""

    field: str
    wanted: Any
    found: Any


def differences(
    wanted: Payload, found: Payload, comparable: Comparable, given: Collection[str] = ()
) -> tuple[FieldDifference, ...]:
    """The wanted fields that the target holds otherwise, or not at all, and the fields of ours that are wanted no more.

    ``given``: the fields that we are known to have sent. Of these the target is to hold nothing once the payload has them
    no longer, so ``wanted`` is None. What else it holds is no business of ours.
    """
    ours, held = comparable(wanted), comparable(found)
    otherwise = (
        FieldDifference(field, value, held.get(field))
        for field, value in ours.items()
        if field not in held or held[field] != value
    )
    there = {**dict.fromkeys(not_told(found, comparable, given), NOT_TOLD), **held}
    dropped = (
        FieldDifference(field, None, there[field])
        for field in given
        if field not in ours and there.get(field) not in _NOTHING
    )
    return (*otherwise, *dropped)


def not_told(found: Payload, comparable: Comparable, fields: Collection[str]) -> Collection[str]:
    """Those of these fields of which a found payload cannot say what the target holds: a dataclass has the fields that its
    code gives it, none of which need be one that was sent before. A mapping without a field says that nothing is there.
    """
    return frozenset(fields) - comparable(found).keys() if is_dataclass(found) else frozenset()


def match(wanted: Payload, found: Payload, comparable: Comparable, fields: Collection[str]) -> bool:
    """Whether both hold the same, and something, in each of these fields; never where there are none."""
    ours, theirs = comparable(wanted), comparable(found)
    return bool(fields) and all(ours.get(field) and ours[field] == theirs.get(field) for field in fields)
