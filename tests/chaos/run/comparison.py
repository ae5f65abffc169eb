"""All that the application wants of one target against all that it holds: who, under which name, and what. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from syncproject.demo.comparison import Comparison, compare

Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Expected:
    """``people``: as `compare` takes them, each with the username that was frozen for them at this target.

    ``strangers``: the third party's own records, by their id, as they were before us. ``adoptable``: usernames of
    records that are the third party's own until we take them over, as the policy allows. ``revived``: the external ids of
    records whose people are gone, and which a restore has brought back there, by id and username. What was sent to such
    an id before the backfill has written over the record (docs/guarantees.md); its username stays.
    """

    people: list[Values]
    roles: Mapping[str, str]
    strangers: Mapping[str, Values]
    adoptable: Collection[str] = ()
    revived: Mapping[tuple[str, str], str] = field(default_factory=dict)


def compared(target: str, expected: Expected, records: Iterable[Values]) -> tuple[Comparison, list[str]]:
    """The differences, in which names begin with the target's, and what became of strangers, a sentence for each."""
    held = {record["userId"]: record for record in records}
    touched = [
        f"{target}: the record {user_id} of a stranger is {held.get(user_id) or 'gone'}"
        for user_id, stranger in expected.strangers.items()
        if held.get(user_id) != stranger
    ]
    ours = [record for record in held.values() if not _is_foreign(record, expected)]
    return _labelled(target, compare(expected.people, ours, role_ids=expected.roles)), touched


def together(comparisons: Iterable[Comparison]) -> Comparison:
    """Those of all targets as one."""
    some = list(comparisons)
    return Comparison(
        local=sum(each.local for each in some),
        remote=sum(each.remote for each in some),
        lost=tuple(name for each in some for name in each.lost),
        doubled=tuple(name for each in some for name in each.doubled),
        differing={name: fields for each in some for name, fields in each.differing.items()},
        left_over=tuple(name for each in some for name in each.left_over),
    )


def _is_foreign(record: Values, expected: Expected) -> bool:
    if record["userId"] in expected.strangers and record == expected.strangers[record["userId"]]:
        return True
    if not record["externalId"] and record["username"] in expected.adoptable:
        return True
    if record["externalId"] in expected.revived.values():
        return True
    named = {(str(person["uuid"]), person["username"]) for person in expected.people}
    return (record["userId"], record["username"]) in expected.revived and (
        record["externalId"],
        record["username"],
    ) not in named


def _labelled(target: str, found: Comparison) -> Comparison:
    def label(names: Iterable[str]) -> tuple[str, ...]:
        return tuple(f"{target}/{name}" for name in names)

    return Comparison(
        local=found.local,
        remote=found.remote,
        lost=label(found.lost),
        doubled=label(found.doubled),
        differing={f"{target}/{name}": fields for name, fields in found.differing.items()},
        left_over=label(found.left_over),
    )
