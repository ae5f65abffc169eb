"""What one step leaves in its row, and the step that ended so: the arguments of `thirdparty.store.settle`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from thirdparty.connectors.errors import TargetError
from thirdparty.connectors.probe import Probe
from thirdparty.decide.lease import Lease

IDENTITY_CONFLICT = "identity_conflict"
"""Parked: the remote record is another's."""


class Outcome(StrEnum):
    """How an attempt ended, as its row says it."""

    OK = "ok"
    TRANSIENT = "transient"
    UNKNOWN = "unknown"
    REJECTED = "rejected"
    CRASHED = "crashed"


class Doubt(StrEnum):
    """What becomes of ``unknown_until``: as it was, a new window (the later one wins), or none any more."""

    KEEP = "keep"
    OPEN = "open"
    CLEAR = "clear"


class Next(StrEnum):
    """When to look again, unless the object changed meanwhile (then at once)."""

    NOW = "now"
    LATER = "later"
    AT_RECHECK = "at_recheck"


@dataclass(frozen=True, slots=True)
class StepResult:
    """The new facts of a row and the attempt's outcome.

    ``acknowledged``: the target holds what was wanted at the lease's generation.
    ``remote_id``, ``adopted``, ``add_key``: what is now known of the remote record.
    ``known_by``: which of two natural keys the record has, where that is known; empty where there are not two.
    ``sent``: what the target is known to hold, as hashes (`thirdparty.decide.sent`), and the fields of unanswered requests.
    ``raise_above``: force another push, with a generation above this one and above the present.
    ``stays``: whether the object has left and its record stays at the target; None where that is as it was.
    ``look_first``: whether the remote id has to be read back before anything is written under it.
    ``shown``: the target itself showed that the remote record is ours, by its answer to our add or the external id, so
    that another row's link to it is out of date.
    ``external_id``, ``natural_key``, ``found_id``, ``instead``: where these two of the record found point to different objects, what
    they are, its own id, and what is to be settled should one of them be another object of ours. ``let_go``: the same, should
    that other one have left the record to the target for good; None where it is not ours to take then.
    ``no_progress``: how many steps of this generation were answered and brought the record no nearer.
    ``waits_for``, ``held_by``: the record for which it waits (`thirdparty.store.references`).
    ``parked``: why only a person or a new edit can help; empty otherwise.
    ``delay_seconds``: with ``Next.LATER``, which a contested link may make of it, too. ``spends_try``: False where the target as a whole is at fault, not
    the record. ``reason`` and ``message`` hold no personal details.
    """

    outcome: Outcome
    remote_id: str | None
    adopted: str
    add_key: str | None
    sent: str | None = None
    known_by: str = ""
    acknowledged: bool = False
    raise_above: int | None = None
    doubt: Doubt = Doubt.KEEP
    stays: bool | None = None
    look_first: bool = False
    shown: bool = False
    external_id: str = ""
    natural_key: str = ""
    found_id: str = ""
    instead: StepResult | None = None
    let_go: StepResult | None = None
    no_progress: int = 0
    waits_for: str = ""
    held_by: str = ""
    parked: str = ""
    next: Next = Next.AT_RECHECK
    delay_seconds: float = 0.0
    spends_try: bool = True
    reason: str = ""
    message: str = ""
    http_status: int | None = None

    @property
    def failed(self) -> bool:
        return self.outcome is not Outcome.OK


@dataclass(frozen=True, slots=True)
class GuardReport:
    """What the target's guard has to know of an answer. ``error``: None where the target did what was asked.

    Where it turned us away, ``seen`` is what a harmless call said right after, and ``if_refused`` the settlement
    should the record alone be at fault. ``looked_up``: the step only read, and a look-up was answered.
    """

    error: TargetError | None
    seen: Probe = Probe.NONE
    if_refused: StepResult | None = None
    looked_up: bool = False


@dataclass(frozen=True, slots=True)
class FinishedStep:
    """A step whose result is known and not yet written.

    ``add_key``: what an add was sent under. ``sent``: a write request may have reached the target.
    ``call``: which one it was (`thirdparty.decide.plan.Call`). ``heard``: None where the target was not asked. ``refers_to``: the records whose remote ids the payload names.
    """

    lease: Lease
    attempt_id: int | None
    settlement: StepResult
    add_key: str | None = None
    sent: bool = False
    heard: GuardReport | None = None
    refers_to: tuple[str, ...] = ()
    call: str = ""
