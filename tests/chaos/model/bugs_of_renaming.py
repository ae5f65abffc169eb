"""Seeded bugs of records that an update gives another natural key."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.chaos.model import transitions
from tests.chaos.model.bug import Bug
from tests.chaos.model.configurations import (
    RENAMED,
    RENAMED_APART,
    RENAMED_ON,
    RENAMED_REFUSED,
    RENAMED_RESTORED,
    RENAMED_REUSED,
)
from tests.chaos.model.row import Held, Result, Row
from tests.chaos.model.rules import Rules
from thirdparty.connectors.base import RemoteRecord
from thirdparty.decide.interpret import Interpreter
from thirdparty.decide.result import StepResult


def _gives_the_old_one_up_at_once(row: Row, **how: Any) -> tuple[Row, Held] | None:
    claimed = transitions.claim_renaming(row, **how)
    return (claimed[0]._replace(former=-1), claimed[1]) if claimed is not None else None


def _takes_a_third_in_doubt(row: Row, *, wanted: int, **how: Any) -> tuple[Row, Held] | None:
    known = row._replace(former=-1) if row.former >= 0 and row.login != wanted else row
    claimed = transitions.claim_renaming(known._replace(recheck="none"), wanted=wanted, **how)
    if claimed is None:
        return None
    after, held = claimed
    return after._replace(recheck=row.recheck), held._replace(
        in_doubt=row.recheck != "none", window_over=row.recheck == "over"
    )


def _waits_for_nobody(row: Row, *, rival: bool, **how: Any) -> tuple[Row, Held] | None:  # that is the bug
    return transitions.claim_renaming(row, rival=False, **how)


def _never_renames(row: Row, *, wanted: int, **how: Any) -> tuple[Row, Held] | None:
    return transitions.claim_renaming(row, wanted=row.login if row.may_exist else wanted, **how)


def _is_level_under_the_old_one(row: Row, generation: int, result: Result, *, wanted: int) -> Row:  # the same
    login = result.known_by if result.known_by >= 0 else row.login
    return transitions.settle_renaming(row, generation, result, wanted=login)


def _knows_at_once(row: Row, generation: int, result: Result, *, wanted: int) -> Row:
    settled = transitions.settle_renaming(row, generation, result, wanted=wanted)
    return settled._replace(former=-1)


def _given_back_with_the_new_one(row: Row) -> Row:
    return row._replace(lease="free", former=-1)


class _KeepsWhatWasRefused(Interpreter):
    def _known_by(self, result: StepResult, found: RemoteRecord | None) -> str:
        known = super()._known_by(result, found)
        return self.lease.natural_key if known and found is None else known


class _LooksAtNoUsername(Interpreter):
    def _is_level(self, found: RemoteRecord) -> bool:
        return Interpreter._is_level(replace(self, renames=False), found)


def _left_to_whoever_has_it_now(held: Held, result: Result, other: Row) -> tuple[Result, Row]:
    return transitions.named_as_ours(held, result, other, gone=False)


BUGS = {
    "a renamed record gives its old username up at once": Bug(
        Rules(claim_renaming=_gives_the_old_one_up_at_once), RENAMED, "P24"
    ),
    "others do not wait for a username that a record had before": Bug(Rules(knows_former=False), RENAMED_REUSED, "P1"),
    "a third username is sent while it is in doubt which of two it is": Bug(
        Rules(claim_renaming=_takes_a_third_in_doubt), RENAMED_ON, "P24"
    ),
    "a renamed record does not wait for its new username": Bug(
        Rules(claim_renaming=_waits_for_nobody), RENAMED_REUSED, "P1"
    ),
    "a record that may be there is never renamed": Bug(Rules(claim_renaming=_never_renames), RENAMED, "I7"),
    "an acknowledgement under the old username is enough": Bug(
        Rules(settle_renaming=_is_level_under_the_old_one), RENAMED, "I4"
    ),
    "an unanswered update is taken for one that was answered": Bug(
        Rules(settle_renaming=_knows_at_once), RENAMED, "P24"
    ),
    "a lease is given back with the new username": Bug(
        Rules(release=_given_back_with_the_new_one), RENAMED_APART, "P24"
    ),
    "a username that was refused is kept": Bug(Rules(judge=_KeepsWhatWasRefused), RENAMED_REFUSED, "P24"),
    "a look asks for no username": Bug(Rules(judge=_LooksAtNoUsername), RENAMED_RESTORED, "I4"),
    "a record that a restore gave its old username is left to whoever has that now": Bug(
        Rules(named_by_a_former=_left_to_whoever_has_it_now), RENAMED_RESTORED, "I7"
    ),
}
