"""Who refers to whom (PROTOCOL 18): what a claim reads of it, what a settlement forgets, and who waits no longer.

What the statements of `thirdparty.store.references` do to rows and references, pure; and the same of a whole state.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tests.chaos.model.decision import Step
from tests.chaos.model.row import Result, Row
from tests.chaos.model.state import Reference, State
from thirdparty.decide.brake import HELD_BY_BRAKE
from thirdparty.decide.failures import REFERENCE_CYCLE
from thirdparty.models.record import REJECTED_BY_PERSON

References = tuple[Reference, ...]


def note(references: References, record: int, on: int, remote_id: int) -> References:
    """`references.note`: this record is about to be sent with that one's remote id."""
    kept = [each for each in references if (each.record, each.on) != (record, on)]
    return tuple(sorted([*kept, Reference(record, on, remote_id)]))


def forget(references: References, row: Row, record: int, used: int) -> References:
    """`references.forget_unused`, after a settlement of this row whose content refers to ``used``, or -1."""
    level = row.synced == row.generation and not row.parked and row.lease == "free" and row.recheck == "none"
    if not level:
        return references
    return tuple(each for each in references if each.record != record or each.on == used)


def holder(references: References, index: int) -> int:
    """`references.holders_of`: a row that was sent with this one's remote id; -1 for none."""
    return min((each.record for each in references if each.on == index != each.record), default=-1)


def named_in_vain(references: References, parked: Sequence[str], index: int) -> bool:
    """`references.named_in_vain`: whether a row that is parked was sent with this one's remote id. ``parked``: of each row."""
    naming = {each.record for each in references if each.on == index != each.record}
    return any(parked[number] not in ("", HELD_BY_BRAKE, REJECTED_BY_PERSON) for number in naming)


def refused(result: Result, step: Step, other: int) -> Result:
    """`references.refused`. ``other``: who was sent with the remote id meanwhile; -1 for nobody."""
    if step.obstacle != "refused" or other < 0:
        return result
    return result._replace(outcome="transient", parked="", held_by=other, next="later")


def is_circle(rows: Sequence[Row], index: int, waits_for: int) -> bool:
    """`references.is_circle`."""
    seen, at = {index}, waits_for
    while at >= 0 and at not in seen:
        seen.add(at)
        at = rows[at].waits_for
    return at == index


def woken(row: Row, *, arrived: bool, freed: bool) -> Row:
    """`references.release`, of one that waits. ``arrived``: whom it waits for has a remote id; ``freed``: it is named no more."""
    waits = row.waits_for >= 0 or row.held_by >= 0
    if not waits or row.lease != "free" or not (row.waits_for < 0 or arrived) or not (row.held_by < 0 or freed):
        return row
    parked = "" if row.parked == REFERENCE_CYCLE else row.parked
    return row._replace(waits_for=-1, held_by=-1, due=row.due if parked else "now", parked=parked)


def followed(row: Row) -> Row:
    """`references.release`, of one that was sent with a remote id that is another now."""
    undecided = row.parked in (HELD_BY_BRAKE, REJECTED_BY_PERSON)
    if row.deleted or undecided or (row.synced < row.generation and not row.parked):
        return row
    return row._replace(generation=row.generation + 1, due="now", parked="", no_progress=0, released=False)


def read(state: State, step: Step, closes: Callable[..., bool]) -> Step:
    """The step with what `thirdparty.run.payloads` gives it: whose remote id its content names, or for whom it waits.

    ``closes``: `is_circle`, or what a seeded bug puts in its place.
    """
    other = state.people[step.row].names
    if other < 0 or not step.present:
        return step
    theirs = state.rows[other]
    remote_id = 0 if theirs.deleted else theirs.remote_id
    if remote_id:
        return step._replace(other=other, used=remote_id)
    circle = closes(state.rows, step.row, other)
    return step._replace(other=other, call="nothing", obstacle="a circle" if circle else "waited for")


def is_outdated(state: State, reference: Reference) -> bool:
    """Whether its remote id is not that of the row any more."""
    return state.rows[reference.on].remote_id != reference.remote_id
