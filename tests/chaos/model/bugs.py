"""Seeded bugs: each replaces one rule by what one might well have written, and must be caught."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.chaos.model import (
    bugs_by_hand,
    bugs_of_leaving,
    bugs_of_references,
    bugs_of_renaming,
    bugs_of_the_brake,
    transitions,
)
from tests.chaos.model.bug import Bug
from tests.chaos.model.configuration import Configuration
from tests.chaos.model.configurations import (
    FROZEN_SENDER,
    KEPT,
    KEPT_GONE,
    KEPT_REUSED,
    PROFILES,
    RAISED,
    RAISED_REFUSALS,
    REPLACED,
    REPLACED_LEFT,
    REPLACED_REUSED,
    RESTORED,
    RESTORED_BACK,
    RESTORED_LATE,
    RESTORED_REUSED_SHARED,
    RESTORED_STRANGER,
    TARGETS,
    TRUST,
    UNMARKED_NEVER,
)
from tests.chaos.model.row import Held, Result, Row
from tests.chaos.model.rules import Rules
from tests.chaos.model.state import Budget
from thirdparty.connectors import errors
from thirdparty.connectors.base import RemoteRecord
from thirdparty.decide.interpret import Interpreter
from thirdparty.decide.plan import Call, next_call
from thirdparty.decide.result import Doubt, Next, StepResult

REUSE = Configuration("reuse", TARGETS["query"], PROFILES["a username used again"])
TOGGLES = Configuration("toggles", TARGETS["query"], PROFILES["deactivation"])
FREEZES = Configuration("freezes", TARGETS["query"], Budget(edits=2, kills=1, freezes=1))
REFUSALS = Configuration("refusals", TARGETS["query"], PROFILES["refusals"])
SHARED = replace(REUSE, name="shared", offers=TARGETS["query, shared usernames"])
KEYS = replace(REUSE, name="keys", offers=TARGETS["idempotency, shared usernames"])
BLIND = replace(REUSE, name="blind", offers=TARGETS["nothing"])
VERSIONS = replace(REUSE, name="versions", offers=TARGETS["query, versions"])
SURVIVING_SENDER = replace(FROZEN_SENDER, name="a frozen sender that survives", budget=Budget(edits=2, freezes=1))


def _claims_a_held_lease(row: Row, *, has_user: bool, rival: bool) -> tuple[Row, Held] | None:
    return transitions.claim(row._replace(lease="free", due="now"), has_user=has_user, rival=rival)


def _expired_is_clean(row: Row, *, has_user: bool, rival: bool) -> tuple[Row, Held] | None:
    return transitions.claim(row._replace(doing=""), has_user=has_user, rival=rival)


def _never_waits_for_a_rival(row: Row, *, has_user: bool, **_: bool) -> tuple[Row, Held] | None:
    return transitions.claim(row, has_user=has_user, rival=False)


def _never_named(row: Row, *, rival: bool, **_: bool) -> tuple[Row, Held] | None:
    return transitions.claim(row, has_user=False, rival=rival)


def _synced_when_claimed(row: Row, *, has_user: bool, rival: bool) -> tuple[Row, Held] | None:
    claimed = transitions.claim(row, has_user=has_user, rival=rival)
    return (claimed[0]._replace(synced=row.generation), claimed[1]) if claimed else None


def _forgets_the_key(row: Row, call: str, _add_key: int) -> Row:
    return transitions.open_attempt(row, call, row.add_key)


def _never_sees_the_user_change(row: Row, generation: int, result: Result) -> Row:
    settled = transitions.settle(row._replace(generation=generation), generation, result)
    return settled._replace(generation=max(row.generation, settled.generation))


def _acknowledges_what_is_wanted_now(row: Row, generation: int, result: Result) -> Row:
    settled = transitions.settle(row, generation, result)
    return settled._replace(synced=row.generation) if result.acknowledged else settled


def _forgets_doubts_when_acknowledged(row: Row, generation: int, result: Result) -> Row:
    forgetful = result._replace(doubt="clear") if result.acknowledged else result
    return transitions.settle(row, generation, forgetful)


def _parks_who_changed_meanwhile(row: Row, generation: int, result: Result) -> Row:
    settled = transitions.settle(row, generation, result)
    return settled._replace(parked=result.parked, due="none") if result.parked else settled


def _parks_for_an_older_process(row: Row, generation: int, result: Result) -> Row:
    settled = transitions.settle_outdated(row, generation, result)
    return settled._replace(parked=result.parked, due="none") if result.parked else settled


def _raises_nothing(row: Row, generation: int, result: Result) -> Row:
    return transitions.settle(row, generation, result._replace(raise_above=-1))


def _parks_the_newcomer(held: Held, result: Result, other: Row) -> tuple[Result, Row]:
    parked, reason = "identity_conflict", "at_recheck"
    lost = result._replace(
        remote_id=held.remote_id, acknowledged=False, outcome="rejected", parked=parked, next=reason
    )
    return lost, other


def _owes_without_looking(row: Row) -> Row:
    return transitions.owe_again(row)._replace(look_first=False)


def _deletes_what_it_trusted(*args: Any, **kwargs: Any) -> Call:
    call = next_call(*args, **kwargs)
    return Call.DELETE if call is Call.UNLINK else call


def _never_waits(*args: Any, **kwargs: Any) -> Call:
    lease, *others = args
    return next_call(replace(lease, in_doubt=False), *others, **kwargs)


def _never_reads_back(*args: Any, **kwargs: Any) -> Call:
    lease, *others = args
    return next_call(replace(lease, window_over=False), *others, **kwargs)


class _TakesWhatHasNoExternalId(Interpreter):
    def is_ours(self, found: RemoteRecord) -> bool:
        return super().is_ours(found) or (not found.external_id and self.lease.add_key is not None)


class _ForgetsLinksInDoubt(Interpreter):
    def _still_linked(self, result: StepResult) -> StepResult:
        return result


class _UnknownIsFailed(Interpreter):
    def failed(self, error: errors.TargetError) -> StepResult:
        unknown = isinstance(error, errors.OutcomeUnknown)
        return super().failed(errors.Transient(error.reason) if unknown else error)


class _BelievesTheWindow(Interpreter):
    def rechecked(self, found: RemoteRecord | None) -> StepResult:  # noqa: ARG002  # that is the bug
        return self._settle(add_key=None, doubt=Doubt.CLEAR)


class _AddsAtOnce(Interpreter):
    def verified(self, found: RemoteRecord | None) -> StepResult:
        return super().verified(found) if found is not None else self._settle(add_key=None, next=Next.NOW)


class _BelievesARepeatedAdd(Interpreter):
    def added(self, remote_id: str) -> StepResult:
        return self._settle(acknowledged=True, remote_id=remote_id, adopted="", add_key=None)


class _AddsAnewWithoutALook(Interpreter):
    def absent(self) -> StepResult:
        return replace(super().absent(), look_first=False)

    def rechecked(self, found: RemoteRecord | None) -> StepResult:
        return replace(super().rechecked(found), look_first=False)


class _VanishedIsDone(Interpreter):
    def vanished(self, found: RemoteRecord | None) -> StepResult:  # noqa: ARG002  # the same
        return self._settle(acknowledged=True)


class _GoneIsDone(Interpreter):
    def absent(self) -> StepResult:
        return replace(super().absent(), acknowledged=True)


def _has_the_new_username_at_once(
    row: Row, *, wanted: int, taken: bool = False, **how: bool
) -> tuple[Row, Held] | None:
    return transitions.claim(row._replace(login=wanted), **how)


def _knows_the_new_username_alone(row: Row, *, wanted: int, **how: bool) -> tuple[Row, Held] | None:
    claimed = transitions.claim_replacing(row, wanted=wanted, **how)
    if claimed is None:
        return None
    after, held = claimed
    return after._replace(login=wanted), held._replace(login=wanted)


def _waits_for_no_username(row: Row, *, rival: bool, **how: Any) -> tuple[Row, Held] | None:  # that is the bug
    return transitions.claim_replacing(row, rival=False, **how)


def _waits_for_no_kept_username(row: Row, *, rival: bool, **how: Any) -> tuple[Row, Held] | None:  # the same
    return transitions.claim_keeping(row, rival=False, **how)


def _freezes_a_username_for_ever(row: Row, *, wanted: int, **how: Any) -> tuple[Row, Held] | None:
    return transitions.claim_keeping(row, wanted=row.login if row.named else wanted, **(how | {"taken": False}))


def _leaves_what_is_replaced(*args: Any, **kwargs: Any) -> Call:
    lease, *others = args
    return next_call(replace(lease, replaces=False), *others, **kwargs)


BUGS = (
    {
        "an edit is not recorded": Bug(Rules(changed=lambda row: row), REUSE, "I1"),
        "an older process is believed": Bug(Rules(settle_outdated=transitions.settle), RAISED, "I1"),
        "a raised version owes nothing": Bug(Rules(owe_raised=lambda row: row), RAISED, "I1"),
        "what an older process parks stays parked": Bug(
            Rules(settle_outdated=_parks_for_an_older_process), RAISED_REFUSALS, "I7"
        ),
        "a tombstone is dropped": Bug(Rules(gone=lambda row: row), REUSE, "I1"),
        "an edit forgets a doubt": Bug(
            Rules(changed=lambda row: transitions.changed(row)._replace(recheck="none")), REUSE, "I2"
        ),
        "an edit frees the lease": Bug(
            Rules(changed=lambda row: transitions.changed(row)._replace(lease="free", doing="")), REUSE, "I5"
        ),
        "a held lease is claimed": Bug(Rules(claim=_claims_a_held_lease), REUSE, "I5"),
        "an expired lease is clean": Bug(Rules(claim=_expired_is_clean), REUSE, "I2"),
        "a lost lease settles": Bug(Rules(lost_lease_settles=True), FREEZES, "I5"),
        "a lost lease is not repaired": Bug(Rules(repair=lambda row: row), SURVIVING_SENDER, "I4"),
        "a replaced record is done once it is gone": Bug(Rules(judge=_GoneIsDone), REPLACED, "P4"),
        "the old username is given up while its record is there": Bug(
            Rules(claim_replacing=_has_the_new_username_at_once), REPLACED, "I4"
        ),
        "a record that is kept is known by the new username": Bug(
            Rules(claim_keeping=_has_the_new_username_at_once), KEPT, "I4"
        ),
        "whoever has the username of a record that is kept is not waited for": Bug(
            Rules(claim_keeping=_waits_for_no_kept_username), KEPT_REUSED, "P1"
        ),
        "a username is its own when no record of it is there any more": Bug(
            Rules(claim_keeping=_freezes_a_username_for_ever), KEPT_GONE, "P1"
        ),
        "the record of the old username is looked for under the new one": Bug(
            Rules(claim_replacing=_knows_the_new_username_alone), REPLACED_REUSED, "I4"
        ),
        "who has the old username is not waited for": Bug(
            Rules(claim_replacing=_waits_for_no_username), REPLACED_REUSED, "P1"
        ),
        "a replaced record stays as one whose user has left": Bug(
            Rules(next_call=_leaves_what_is_replaced), REPLACED_LEFT, "I4"
        ),
        "the username is not frozen": Bug(
            Rules(claim=_never_named), replace(REUSE, budget=Budget(deletes=1, creates=1)), "I7"
        ),
        "a username in use does not block": Bug(Rules(claim=_never_waits_for_a_rival), BLIND, "I7"),
        "synced before it is sent": Bug(Rules(claim=_synced_when_claimed), REUSE, "I2"),
        "the key of an unanswered add is not kept": Bug(Rules(open_attempt=_forgets_the_key), SHARED, "I3"),
        "every repeated add has a new key": Bug(Rules(keeps_key=False), KEYS, "I3"),
        "the generation is not compared at settle": Bug(Rules(settle=_never_sees_the_user_change), REUSE, "I4"),
        "what is wanted now is acknowledged": Bug(Rules(settle=_acknowledges_what_is_wanted_now), REUSE, "I2"),
        "an acknowledgement forgets a doubt": Bug(Rules(settle=_forgets_doubts_when_acknowledged), REUSE, "I4"),
        "a later window is cut short": Bug(Rules(extends=False), replace(REUSE, budget=PROFILES["edits"]), "I4"),
        "who changed meanwhile is parked": Bug(Rules(settle=_parks_who_changed_meanwhile), REFUSALS, "I7"),
        "a forced push raises nothing": Bug(Rules(settle=_raises_nothing), VERSIONS, "I7"),
        "an unknown outcome is a failed one": Bug(Rules(judge=_UnknownIsFailed), REUSE, "I2"),
        "the window is not read back": Bug(Rules(next_call=_never_reads_back), REUSE, "I7"),
        "the end of the window is believed": Bug(Rules(judge=_BelievesTheWindow), REUSE, "I2"),
        "a delete does not wait for a late add": Bug(Rules(next_call=_never_waits), BLIND, "I4"),
        "what is not found is added at once": Bug(Rules(judge=_AddsAtOnce), SHARED, "I3"),
        "a repeated add is believed": Bug(Rules(judge=_BelievesARepeatedAdd), KEYS, "I2"),
        "a vanished record is done": Bug(Rules(judge=_VanishedIsDone), TOGGLES, "I2"),
        "a record without external id is ours after an unanswered add": Bug(
            Rules(judge=_TakesWhatHasNoExternalId), UNMARKED_NEVER, "P7"
        ),
        "who meets another row on an id given out again is parked": Bug(
            Rules(meet=_parks_the_newcomer), RESTORED, "I7"
        ),
        "a backfill writes without looking": Bug(Rules(owe_again=_owes_without_looking), RESTORED_STRANGER, "P7"),
        "nobody asks whose record an update has gone astray to": Bug(Rules(asks_whose=False), RESTORED, "I4"),
        "who has the username of a record has the record": Bug(Rules(by_link=False), RESTORED_REUSED_SHARED, "I4"),
        "a link is forgotten while a request may land under its id": Bug(
            Rules(judge=_ForgetsLinksInDoubt), RESTORED_LATE, "I4"
        ),
        "who comes back is added without a look": Bug(Rules(judge=_AddsAnewWithoutALook), RESTORED_BACK, "I3"),
        "what was taken on trust is deleted": Bug(Rules(next_call=_deletes_what_it_trusted), TRUST, "P7"),
    }
    | bugs_by_hand.BUGS
    | bugs_of_leaving.BUGS
    | bugs_of_references.BUGS
    | bugs_of_renaming.BUGS
    | bugs_of_the_brake.BUGS
)
