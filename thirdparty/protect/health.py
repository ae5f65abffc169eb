"""What is known of a target as a whole, and how patient we are with it. The shapes of the pure part."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from thirdparty.connectors.http.retry_after import MAX_RETRY_AFTER_SECONDS

LONGEST_FAULTY_WAIT_SECONDS = 900.0
"""A record at fault waits for its turn no longer, however many others are at fault."""
_LONGEST_TURN_AHEAD_SECONDS = 10.0
"""Nobody takes turns so far ahead, but for the spacing of a slow target."""
_SLOWEST_LIMIT_PER_SECOND = 0.2
_MARGIN_SECONDS = 60.0


class Breaker(StrEnum):
    """``closed``: calls go. ``open``: none until ``blocked_until``. ``half_open``: a few, to see."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True, slots=True)
class Policy:
    """What the settings say: the rate (calls per second, None for any), and how much harm is put up with.

    ``probes`` calls may start while half-open; if none of them reports (a worker died) for
    ``probe_seconds``, others may. Pauses grow from ``first_pause_seconds`` to ``longest_pause_seconds``.
    ``call_seconds``: the longest call. ``harmless``: the optional calls of the target that change nothing.
    """

    rate_per_second: float | None = None
    first_pause_seconds: float = 5.0
    longest_pause_seconds: float = 300.0
    probes: int = 3
    probe_seconds: float = 60.0
    call_seconds: float = 10.0
    harmless: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TargetHealth:
    """One target's row of `thirdparty.models.Target`, as far as the guard is concerned; the same names.

    ``openings``: pauses in a row, for the growth of the next. ``failed_for``: the reason of the last failure that was held
    against the target. ``failed_keys``, ``refused_keys``: the records
    of the running rows of failures and of refusals (all for ``refused_for``). ``suspect_keys``: records
    that were turned away where no probe could tell why; ``cleared_keys``: those of them after which
    another record was taken. ``rate_limit`` holds since ``rate_set_at`` and doubles
    ``rate_climb`` times a second; without a limit only the configured rate holds.
    ``next_slot_at``: where the next call has its turn. ``asking_until``: somebody asks a harmless call
    whether the target is well, and nothing else is sent until it has answered; unanswered, the breaker opens for what
    ``asking_about`` says. ``vouched``: how often it was answered since the target last acknowledged a push.
    ``misses``: so many optional calls in a row were answered as if the target did not offer them.
    ``looked_at``: when a harmless call last looked at it though nothing was due.
    ``faulty_keys``: records that were found at fault; the next of them is tried at ``faulty_slot_at`` at the soonest.
    """

    paused: bool = False
    paused_reason: str = ""
    paused_by_guard: bool = False
    breaker: str = Breaker.CLOSED
    breaker_reason: str = ""
    openings: int = 0
    blocked_until: datetime | None = None
    probes_left: int = 0
    probes_until: datetime | None = None
    failed_for: str = ""
    failed_keys: tuple[str, ...] = ()
    refused_keys: tuple[str, ...] = ()
    refused_for: str = ""
    refusals_to_open: int = 10
    suspect_keys: tuple[str, ...] = ()
    cleared_keys: tuple[str, ...] = ()
    rate_limit: float | None = None
    rate_set_at: datetime | None = None
    rate_climb: float | None = None
    next_slot_at: datetime | None = None
    capabilities_off: tuple[str, ...] = ()
    capabilities_off_until: datetime | None = None
    misses: int = 0
    asking_until: datetime | None = None
    asking_about: str = ""
    vouched: int = 0
    faulty_keys: tuple[str, ...] = ()
    faulty_slot_at: datetime | None = None
    looked_at: datetime | None = None

    def quiet(self, now: datetime) -> bool:
        """The target asked for silence, or the breaker's pause is not over."""
        return self.blocked_until is not None and self.blocked_until > now

    def asking(self, now: datetime) -> bool:
        """A harmless call is under way; whoever made it may have died, so not for ever."""
        return self.asking_until is not None and self.asking_until > now

    def without(self, now: datetime) -> tuple[str, ...]:
        """The optional calls that are not asked for now, since the target turned out not to offer them."""
        until = self.capabilities_off_until
        return self.capabilities_off if until is not None and until > now else ()

    def without_seconds(self, now: datetime) -> float:
        """For how long they are not."""
        until = self.capabilities_off_until
        return max((until - now).total_seconds(), 0.0) if until is not None else 0.0

    @property
    def troubled(self) -> bool:
        """A success would change something here."""
        keys = self.failed_keys or self.refused_keys or self.suspect_keys
        return bool(keys or self.vouched) or self.breaker != Breaker.CLOSED

    def without_the_impossible(self, now: datetime, policy: Policy) -> TargetHealth:
        """Forget moments further ahead than any can be: the clock that they were taken from has been set back since.

        Waiting for them could take hours, and nothing would say why.
        """
        slowest = min(policy.rate_per_second or _SLOWEST_LIMIT_PER_SECOND, _SLOWEST_LIMIT_PER_SECOND)
        longest_seconds = {
            "blocked_until": max(policy.longest_pause_seconds, MAX_RETRY_AFTER_SECONDS) + _MARGIN_SECONDS,
            "probes_until": policy.probe_seconds + _MARGIN_SECONDS,
            "asking_until": policy.probe_seconds + _MARGIN_SECONDS,
            "next_slot_at": 2 / slowest + _LONGEST_TURN_AHEAD_SECONDS,
            "faulty_slot_at": LONGEST_FAULTY_WAIT_SECONDS + policy.call_seconds + _MARGIN_SECONDS,
            "capabilities_off_until": policy.longest_pause_seconds + _MARGIN_SECONDS,
        }
        forgotten: dict[str, Any] = {
            name: None
            for name, seconds in longest_seconds.items()
            if (moment := getattr(self, name)) is not None and moment > now + timedelta(seconds=seconds)
        }
        standing = replace(self, **forgotten) if forgotten else self
        if standing.rate_set_at is not None and standing.rate_set_at > now + timedelta(
            seconds=_LONGEST_TURN_AHEAD_SECONDS
        ):
            standing = replace(standing, rate_set_at=now)
        return standing


@dataclass(frozen=True, slots=True)
class GuardDecision:
    """What the guard makes of one answer.

    ``spares_record``: the target is at fault, so the record neither spends a try nor is parked. ``at_once``: it
    stays due, since it is the target's standing that holds it back. ``refuses_record``: the record is at fault though the answer turned *us* away.
    ``unparked``: records parked ``unparked_for`` this reason that are to be taken out of the park.
    ``asks``: whether the target is well is not clear: settle the record, then see to it that `thirdparty.protect.ask` is
    called, or its two halves. ``wait_seconds``: the record was found at fault before, and waits so long at least.
    ``relieved``: records found at fault that may be tried again at once, since one of them was taken.
    """

    spares_record: bool = False
    refuses_record: bool = False
    at_once: bool = False
    unparked: tuple[str, ...] = ()
    unparked_for: str = ""
    asks: bool = False
    wait_seconds: float = 0.0
    relieved: tuple[str, ...] = ()
