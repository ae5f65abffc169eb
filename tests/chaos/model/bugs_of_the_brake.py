"""Seeded bugs of the brake, and of what people decide about what it holds."""

from __future__ import annotations

from tests.chaos.model import holding, transitions
from tests.chaos.model.bug import Bug
from tests.chaos.model.configurations import (
    HELD,
    HELD_APART,
    HELD_BY_HAND,
    HELD_DELETION,
    HELD_FREEZES,
    HELD_RAISED,
    HELD_RESTORED,
    HELD_REWRITES,
)
from tests.chaos.model.row import Held, Result, Row
from tests.chaos.model.rules import Rules
from thirdparty.models.record import REJECTED_BY_PERSON


def _holds_nothing(_row: Row, _mine: Held, *, latched: bool) -> holding.Told:  # that is the bug
    return "go"


def _lets_the_lease_go(row: Row, mine: Held, *, latched: bool) -> holding.Told:
    return "go" if mine.released else holding.told(row, mine, latched=latched)


def _holds_in_doubt(row: Row, mine: Held, *, latched: bool) -> holding.Told:
    return holding.told(row, mine._replace(in_doubt=False), latched=latched)


def _holds_what_was_let_go(row: Row, generation: int, result: Result) -> Row:
    return transitions.settle(row._replace(released=False), generation, result)._replace(released=row.released)


def _forgets_the_release(row: Row, generation: int, result: Result) -> Row:
    settled = transitions.settle(row, generation, result)
    return settled._replace(released=row.released and settled.generation == row.generation)


def _edits_what_was_let_go(row: Row) -> Row:
    return transitions.changed(row)._replace(released=row.released)


def _retries_without_asking(row: Row) -> Row:
    return transitions.retry(row)._replace(released=True)


def _released_and_not_due(row: Row) -> Row:
    return holding.release(row)._replace(due=row.due)


def _rejects_under_a_worker(row: Row) -> Row:
    return holding.reject(row._replace(lease="free"))._replace(lease=row.lease)


def _rejected_is_done(row: Row) -> Row:
    rejected = holding.reject(row)
    return rejected._replace(synced=row.generation) if rejected.parked == REJECTED_BY_PERSON else rejected


def _raises_what_was_rejected(row: Row) -> Row:
    return transitions.owe_raised(row._replace(parked=""))


def _repairs_what_was_rejected(row: Row) -> Row:
    return transitions.repair(row._replace(parked=""))


def _meets_what_was_rejected(held: Held, result: Result, other: Row) -> tuple[Result, Row]:
    return transitions.meet(held, result, other._replace(parked=""))


def _only_under_a_lease(row: Row, *, noted: bool) -> bool:
    return noted and row.lease != "free"


def _never(_row: Row, *, noted: bool) -> bool:  # the same
    return False


BUGS = {
    "the brake is on and holds nothing": Bug(Rules(told=_holds_nothing), HELD, "P19"),
    "the brake goes off with its window": Bug(Rules(leaks=True), HELD, "P19"),
    "retry by hand lets a held record go": Bug(Rules(retry=_retries_without_asking), HELD_BY_HAND, "P19"),
    "an edit keeps the release of what was there before": Bug(
        Rules(changed=_edits_what_was_let_go), HELD_REWRITES, "P19"
    ),
    "a release is of what is there by then": Bug(
        Rules(decision_stands=lambda _seen, _row: True), HELD_REWRITES, "P19"
    ),
    "a release is of what is read after the claim": Bug(Rules(told=_lets_the_lease_go), HELD_APART, "P19"),
    "what was let go on its way to be held is held": Bug(Rules(settle=_holds_what_was_let_go), HELD_DELETION, "P19"),
    "a generation that the engine raises asks anew": Bug(Rules(settle=_forgets_the_release), HELD_DELETION, "I7"),
    "who is in doubt is held at once": Bug(Rules(told=_holds_in_doubt), HELD_DELETION, "P19"),
    "a released record is not due": Bug(Rules(release_held=_released_and_not_due), HELD, "I4"),
    "nobody takes up what was held while the brake went off": Bug(Rules(wake=lambda row: row), HELD, "I7"),
    "a rejection lets go what is about to be held": Bug(Rules(is_being_held=_never), HELD, "P19"),
    "a rejection lets go what is in doubt, or edited": Bug(Rules(is_being_held=_only_under_a_lease), HELD, "P19"),
    "what a worker is at is rejected": Bug(Rules(reject=_rejects_under_a_worker), HELD_DELETION, "P22"),
    "what is rejected counts as done": Bug(Rules(reject=_rejected_is_done), HELD, "I1"),
    "a version that rises takes a rejection back": Bug(
        Rules(owe_raised=_raises_what_was_rejected), HELD_RAISED, "P22"
    ),
    "a repair takes a rejection back": Bug(Rules(repair=_repairs_what_was_rejected), HELD_FREEZES, "P22"),
    "a meeting takes a rejection back": Bug(Rules(meet=_meets_what_was_rejected), HELD_RESTORED, "P22"),
    "a backfill takes a rejection back": Bug(
        Rules(owe_again=lambda row: transitions.owe_again(row._replace(parked=""))), HELD_RESTORED, "P22"
    ),
}
