"""All that the application wants of one target against all that it holds: who, under which name, and what. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from syncproject.demo.comparison import Comparison, compare

Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Expected:
    """``people``: as `compare` takes them, each with the username that was frozen for them at this target.

    ``strangers``: the third party's own records, by their id, as they were before us. ``adoptable``: usernames of
    records that are the third party's own until we take them over, as the policy allows. ``never_wanted``: external ids of whoever
    never was here: a strict write that was refused may have taken such a record over, which stays (PROTOCOL 14). ``revived``: the records of people
    who are gone that a restore has brought back, by id and username. What was sent to such an id before the backfill has written
    over the record, whose username stays (docs/guarantees.md); and those that we added under an id that the third party's own people
    had freed of another of ours. ``left``: external ids of whoever was gone before a
    target that was retired was named again: it keeps what it held of them.
    """

    people: list[Values]
    roles: Mapping[str, str]
    strangers: Mapping[str, Values]
    adoptable: Collection[str] = ()
    never_wanted: Collection[str] = ()
    revived: Collection[tuple[str, str]] = ()
    left: Collection[str] = ()


def compared(target: str, expected: Expected, records: Iterable[Values]) -> tuple[Comparison, list[str]]:
    """The differences, in which names begin with the target's, and what became of strangers, a sentence for each."""
    held = {record["userId"]: record for record in records}
    touched = [
        f"{target}: the record {user_id} of a stranger is {held.get(user_id) or 'gone'}"
        for user_id, stranger in expected.strangers.items()
        if held.get(user_id) != stranger
    ]
    ours = [record for record in held.values() if not _is_foreign(record, expected)]
    people, ours = _astray(expected, ours)
    return _labelled(target, compare(people, ours, role_ids=expected.roles)), touched


def _astray(expected: Expected, records: list[Values]) -> tuple[list[Values], list[Values]]:
    """People and records, where what went astray to a record that a restore brought back is told by its username.

    It is that person's record, if they have no other; one beside theirs is left out. So is one of their own that came back after
    they had been looked for and before they were added anew (docs/guarantees.md).
    """
    usernames = {str(person["uuid"]): person["username"] for person in expected.people if person["is_active"]}
    standing = Counter(record["externalId"] for record in records)
    astray = {
        record["externalId"]: record
        for record in records
        if (record["userId"], record["username"]) in expected.revived
        and (
            usernames.get(record["externalId"], record["username"]) != record["username"]
            or standing[record["externalId"]] > 1
        )
    }
    beside = {
        external_id
        for external_id in astray
        if any(record["externalId"] == external_id and record is not astray[external_id] for record in records)
    }
    people = [
        {**person, "username": astray[str(person["uuid"])]["username"]}
        if str(person["uuid"]) in astray.keys() - beside
        else person
        for person in expected.people
    ]
    return people, [record for record in records if all(record is not astray[one] for one in beside)]


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
    if record["externalId"] in expected.left:
        return True
    if record["userId"] in expected.strangers and record == expected.strangers[record["userId"]]:
        return True
    untaken = not record["externalId"] or record["externalId"] in expected.never_wanted
    return untaken and record["username"] in expected.adoptable


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
