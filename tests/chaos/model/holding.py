"""What the statements of the brake do to a row (PROTOCOL 19, 22), and what they tell of it. Pure.

`tests.chaos.test_model_matches_sql_of_the_brake` runs the real ones on each row that the model reaches.
"""

from __future__ import annotations

from typing import Literal

from tests.chaos.model.row import Held, Row
from thirdparty.connectors.leaving import Leaving, OnLeave
from thirdparty.decide.brake import HELD_BY_BRAKE
from thirdparty.decide.ownership import TRUST
from thirdparty.models.record import REJECTED_BY_PERSON

Told = Literal["go", "wait", "hold"]
_UNDECIDED = ("", HELD_BY_BRAKE)


def told(row: Row, held: Held, *, latched: bool) -> Told:
    """`run.step._braked`, of a step that takes something away."""
    if is_let_go(row, held) or not latched:
        return "go"
    return "wait" if held.in_doubt else "hold"


def is_let_go(row: Row, held: Held) -> bool:
    """Whether the brake is not asked, and counts nothing: a person released just this."""
    return held.released and row.released


def waits(row: Row, leaving: Leaving) -> bool:
    """Whether `decisions.brake` shows it: what is held, and deletions that are owed and that no person has let go."""
    return row.parked == HELD_BY_BRAKE or _owes_a_removal(row, leaving)


def release(row: Row) -> Row:
    """`held.release`."""
    if row.parked not in _UNDECIDED:
        return row
    return row._replace(released=True, due="now" if row.parked else row.due, parked="")


def reject(row: Row) -> Row:
    """`held.reject`."""
    if row.parked not in _UNDECIDED or row.lease != "free":
        return row
    return row._replace(parked=REJECTED_BY_PERSON, due="none", waits_for=-1, held_by=-1)


def wake(row: Row) -> Row:
    """`held.wake`, while the brake is off."""
    return row._replace(parked="", due="now") if row.parked == HELD_BY_BRAKE else row


def is_being_held(row: Row, *, noted: bool) -> bool:
    """`held.being_held`. ``noted``: the row's entry says that it is held."""
    return noted and not row.parked and (row.lease != "free" or (row.synced < row.generation and not row.released))


def stands(seen: Row, row: Row) -> bool:
    """Whether what a person decides is still of what they saw: `decisions.brake` compares the two."""
    return seen.generation == row.generation


def _owes_a_removal(row: Row, leaving: Leaving) -> bool:
    undecided = row.parked in _UNDECIDED and not row.released
    linked = bool(row.remote_id) and row.adopted != TRUST
    return row.deleted and row.synced < row.generation and linked and undecided and _takes_away(row, leaving)


def _takes_away(row: Row, leaving: Leaving) -> bool:
    """`store.leaving.owed_change`."""
    if leaving.delete_after_days is None and leaving.on_leave is OnLeave.DELETE:
        return True
    is_over = leaving.delete_after_days is not None and row.left == "over"
    return is_over or (leaving.on_leave is OnLeave.DEACTIVATE and not row.left)
