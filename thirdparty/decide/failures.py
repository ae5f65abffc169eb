"""What it means for the record that the target was not asked, or that the call failed. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from thirdparty.connectors import errors
from thirdparty.decide.brake import HELD_BY_BRAKE, Change
from thirdparty.decide.plan import Call
from thirdparty.decide.result import Doubt, Next, Outcome, StepResult
from thirdparty.decide.settlements import Settlements

CRASHED = "crashed"
BLOCKED = "blocked"
REFERENCE_CYCLE = "reference_cycle"
BLOCKED_LOOK_SECONDS = 300.0
"""A record that waits for another is woken when it may go on; so often it is looked at all the same."""
CRASH_LIMIT = 10
"""So many steps in a row that died half-way park a record: it may be what kills its workers."""
WORKER_DIED = "the worker died or was frozen"


def still_named(holder: str) -> str:
    """Why a deletion waits."""
    return f"{holder} still names it at the target, and goes first"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failures(Settlements):
    """The steps of one lease that were kept from asking, or that asked and failed. ``add_key``: of the add that was sent.
    ``tried``: what the row keeps where nobody knows whether the target has what was sent."""

    add_key: str | None
    tried: Callable[[], str | None] = lambda: None

    # -- the target was not asked -----------------------------------------------------------

    def blocked(
        self, message: str, *, waits_for: str = "", held_by: str = "", circle: bool = False, in_vain: bool = False
    ) -> StepResult:
        """The target is not asked before another record has come, or gone: woken then, and looked at now and then.

        In a ``circle`` none comes before somebody takes a reference out: the record is parked until then. ``in_vain``: one that
        names it is parked, perhaps for naming it, and goes only once this one is found to be gone: so it is read back each time.
        """
        if circle:
            return self._park(REFERENCE_CYCLE, f"{message}; and that one waits for this", waits_for=waits_for)
        return self._settle(
            outcome=Outcome.TRANSIENT, next=Next.LATER, delay_seconds=BLOCKED_LOOK_SECONDS, spends_try=False,
            waits_for=waits_for, held_by=held_by, reason=BLOCKED, message=message,
            no_progress=0 if in_vain else self.lease.no_progress,
        )  # fmt: skip

    def held(self, change: Change) -> StepResult:
        """The brake is on, and the target was not asked: nothing of the record's own is at fault."""
        return self._settle(
            outcome=Outcome.TRANSIENT, next=Next.LATER, spends_try=False, parked=HELD_BY_BRAKE, reason=HELD_BY_BRAKE,
            message=f"the brake is on, and this would {change.would}",
        )  # fmt: skip

    def deferred(self, reason: str, message: str) -> StepResult:
        """The target was not asked after all, for no fault of the record."""
        return self._settle(outcome=Outcome.TRANSIENT, next=Next.NOW, spends_try=False, reason=reason, message=message)

    # -- what went wrong -------------------------------------------------------------------

    def failed(self, error: errors.TargetError) -> StepResult:
        if isinstance(error, errors.OutcomeUnknown):
            return self._later(
                error,
                outcome=Outcome.UNKNOWN,
                doubt=Doubt.OPEN,
                add_key=self.add_key,
                look_first=self._looks_after_all,
                sent=self.tried(),
            )
        if isinstance(error, errors.Rejected):
            return self._park(error.reason, error.message, http_status=error.http_status)
        # Whatever else it is, nothing took effect; the doubt of an earlier add stays.
        return self._later(error)

    def unmappable(self, reason: str, message: str) -> StepResult:
        return self._park(reason, message)

    def crashed(self, kind: str, *, sent: bool) -> StepResult:
        """Our own code failed, or its worker. ``sent``: a write request of this step may have reached the target."""
        doubt, kept = (Doubt.OPEN, self.tried()) if sent else (Doubt.KEEP, self.lease.sent)
        if self.lease.crashes + 1 >= CRASH_LIMIT:
            return self._park(
                CRASHED,
                f"{kind}: {CRASH_LIMIT} steps in a row broke off in our own code, or with their worker",
                outcome=Outcome.CRASHED,
                doubt=doubt,
                sent=kept,
            )
        return self._later(
            errors.Transient(CRASHED, f"{kind} in our own code"),
            outcome=Outcome.CRASHED,
            doubt=doubt,
            add_key=self.add_key if sent else self.lease.add_key,
            look_first=self._looks_after_all if sent else self.lease.look_first,
            sent=kept,
        )

    @property
    def _looks_after_all(self) -> bool:
        """Whether to look before the next write: a delete that took effect unheard has freed the id for others."""
        return self.lease.look_first or (self.call is Call.DELETE and self.can_query)
