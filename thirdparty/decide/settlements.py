"""How a step of one lease may end: its settlements, and when a step that was answered well is a failed try. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from thirdparty.connectors import errors
from thirdparty.connectors.base import RemoteObject, RemoteRecord
from thirdparty.decide import ownership
from thirdparty.decide.backoff import Backoff
from thirdparty.decide.lease import Lease
from thirdparty.decide.plan import Call
from thirdparty.decide.progress import HONEST_STEPS, NO_PROGRESS_LIMIT
from thirdparty.decide.result import Doubt, Next, Outcome, StepResult

NO_PROGRESS = "no_progress"
KEY_RESERVED = "key_reserved"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlements:
    """What is left in the row after one call of one lease.

    ``wanted``: what the target is to hold, None for no record. ``can_query``: the target is said to offer a look-up.
    ``random``: 0 to 1, for jitter.
    """

    lease: Lease
    call: Call
    wanted: RemoteObject | None
    can_query: bool
    backoff: Backoff
    random: Callable[[], float]

    def absent(self) -> StepResult:
        """No record of ours is wanted and none is there.

        A restore may bring it back: whoever is wanted again is looked for before a second one is added.
        """
        return self._settle(acknowledged=True, remote_id=None, adopted="", add_key=None, look_first=self.can_query)

    def _settle(self, *, found: RemoteRecord | None = None, **facts: Any) -> StepResult:
        """``found``: the record, where the target has shown it to be ours."""
        lease = self.lease
        if lease.replaces and facts.get("acknowledged"):
            # The record of the old natural key is gone, and that of the new one is still to be added.
            facts |= {"acknowledged": False, "next": Next.AT_RECHECK if lease.in_doubt else Next.NOW}
        known = {
            "outcome": Outcome.OK,
            "remote_id": lease.remote_id,
            "adopted": lease.adopted,
            "add_key": lease.add_key,
            # What is known of one remote record says nothing of another.
            "sent": lease.sent if facts.get("remote_id", lease.remote_id) == lease.remote_id else None,
            "look_first": lease.look_first,
            "no_progress": lease.no_progress,
            "stays": None if self.wanted is None and not lease.replaces else False,
        }
        result = self._still_linked(StepResult(**(known | facts)))
        if lease.former_key:
            result = replace(result, known_by=self._known_by(result, found))
        if result.doubt is Doubt.CLEAR:
            return replace(result, no_progress=0)
        waits = result.next is Next.AT_RECHECK and lease.in_doubt
        if result.failed or result.acknowledged or waits:
            return result
        return self._counted(result)

    def _known_by(self, result: StepResult, found: RemoteRecord | None) -> str:
        """Which of its two natural keys the record has; empty while an unanswered request may still change that."""
        if result.doubt is Doubt.OPEN or (self.lease.in_doubt and result.doubt is Doubt.KEEP):
            return ""
        if found is not None:
            return ownership.key_of(found, self.lease)
        # Without a doubt from before it had the former one, and what was not acknowledged took no effect.
        given = result.acknowledged and self.call is Call.UPDATE
        return self.lease.natural_key if given else self.lease.former_key

    def _still_linked(self, result: StepResult) -> StepResult:
        """While an unanswered request may land under our remote id, we keep that id: whoever is given it meanwhile meets us."""
        lease = self.lease
        changed = lease.remote_id not in (None, result.remote_id)
        if not (changed and lease.in_doubt and self.can_query) or result.doubt is Doubt.CLEAR:
            return result
        return replace(
            result,
            remote_id=lease.remote_id,
            adopted=lease.adopted,
            sent=lease.sent,
            look_first=True,
            shown=False,
            next=Next.AT_RECHECK,
        )

    def _counted(self, result: StepResult) -> StepResult:
        """What was answered well and left the record no nearer is a failed try, once there are too many of them."""
        result = replace(result, no_progress=self.lease.no_progress + 1)
        if result.no_progress <= HONEST_STEPS:
            return result
        message = f"{result.no_progress} steps were answered and the record is no nearer: the target's answers contradict each other"
        if result.no_progress < NO_PROGRESS_LIMIT:
            later = errors.Transient(NO_PROGRESS, message)
            return replace(
                result, outcome=Outcome.TRANSIENT, next=Next.LATER, delay_seconds=self._delay(later),
                reason=later.reason, message=later.message,
            )  # fmt: skip
        if self.wanted is None and self.call is Call.DELETE:
            # Its look-ups show what neither update nor delete knows: it is as absent as can be.
            return self.absent()
        return replace(
            result, outcome=Outcome.REJECTED, next=Next.AT_RECHECK, parked=NO_PROGRESS, reason=NO_PROGRESS,
            message=message,
        )  # fmt: skip

    def _reserved(self) -> StepResult:
        """The natural key is taken, and the look-up finds no record that has it."""
        tries = self.lease.no_progress + 1
        if tries >= NO_PROGRESS_LIMIT and self.wanted is None:
            return self.absent()
        message = "the natural key is taken at the target, and its look-up finds no record that has it"
        if tries >= NO_PROGRESS_LIMIT:
            advice = "free it there (a record that was deleted may keep it), or adopt the record by its id"
            return self._park(KEY_RESERVED, f"{message}: {advice}", no_progress=tries)
        return self._later(errors.Transient("already_exists", message), no_progress=tries)

    def _park(self, reason: str, message: str, **facts: Any) -> StepResult:
        return self._settle(**({"outcome": Outcome.REJECTED} | facts), parked=reason, reason=reason, message=message)

    def _later(self, error: errors.TargetError, **facts: Any) -> StepResult:
        return self._settle(
            **({"outcome": Outcome.TRANSIENT, "next": Next.LATER} | facts),
            delay_seconds=self._delay(error),
            reason=error.reason,
            message=error.message,
            http_status=error.http_status,
        )

    def _delay(self, error: errors.TargetError | None = None) -> float:
        wish = error.retry_after_seconds if isinstance(error, errors.Transient) else None
        return self.backoff.delay(self.lease.failed_tries + 1, self.random, at_least=wish)
