"""In what a found payload differs from the wanted one, field by field. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from thirdparty.connectors.base import Payload

Comparable = Callable[[Payload], Mapping[str, Any]]
"""`thirdparty.connectors.base.Connector.comparable`."""


@dataclass(frozen=True, slots=True)
class FieldDifference:
    """One field in which the target differs from what is wanted. ``found`` is None, too, for a field that it lacks."""

    field: str
    wanted: Any
    found: Any


def differences(wanted: Payload, found: Payload, comparable: Comparable) -> tuple[FieldDifference, ...]:
    """The wanted fields that the target holds otherwise, or not at all; what else it holds is no business of ours."""
    held = comparable(found)
    return tuple(
        FieldDifference(field, value, held.get(field))
        for field, value in comparable(wanted).items()
        if field not in held or held[field] != value
    )


def match(wanted: Payload, found: Payload, comparable: Comparable, fields: Collection[str]) -> bool:
    """Whether both hold the same, and something, in each of these fields; never where there are none."""
    ours, theirs = comparable(wanted), comparable(found)
    return bool(fields) and all(ours.get(field) and ours[field] == theirs.get(field) for field in fields)
