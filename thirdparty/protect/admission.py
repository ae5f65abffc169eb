"""May calls to a target start now, and when? The decision is pure; `Admission` is what the caller gets."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from thirdparty.connectors.base import Capabilities
from thirdparty.protect import rate_limit
from thirdparty.protect.health import Breaker, Policy, TargetHealth
from thirdparty.protect.rate_limit import Turns

LATE_SECONDS = 0.1
"""A turn may be used so late: all that fall together then are no more than `thirdparty.protect.rate_limit.HEADROOM` allows for."""
_UNTIL_SOMEBODY_ACTS_SECONDS = 60.0
_ANSWERED_SOON_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Admission:
    """``granted`` calls may be made; none: ``why``, and the soonest that asking again makes sense.

    ``probing``: the calls show whether the target is well again; those not made are to be given back.
    ``without``: capabilities that the target is said to have and has not at present; asked for again in
    ``without_seconds``. Where the target has a rate, call ``nth``
    (from 0) starts at its turn, so far after ``first_at``, which is on this process's monotonic clock.
    """

    granted: int
    why: str = ""
    wait_seconds: float = 0.0
    probing: bool = False
    without: tuple[str, ...] = ()
    without_seconds: float = 0.0
    first_at: float = 0.0
    spacing_seconds: float = 0.0

    def start_in_seconds(self, nth: int = 0) -> float:
        """How long until this call's turn; 0 when it has come."""
        return max(self.first_at + nth * self.spacing_seconds - time.monotonic(), 0.0)

    def await_turn(self, nth: int = 0) -> bool:
        """Sleep until this call's turn. False: it has passed by, and to use it now would crowd others; ask anew."""
        if not self.spacing_seconds:
            return True
        seconds = self.start_in_seconds(nth)
        if seconds > 0:
            time.sleep(seconds)
        return time.monotonic() - self.first_at - nth * self.spacing_seconds < LATE_SECONDS

    def offered(self, capabilities: Capabilities) -> Capabilities:
        """What may be relied on now, of what the settings say that the target offers."""
        return replace(capabilities, **dict.fromkeys(self.without, False)) if self.without else capabilities


def shut(standing: TargetHealth, now: datetime) -> tuple[str, float] | None:
    """Why no call at all may start, and the seconds until that may change; None where some may."""
    if standing.paused:
        return "paused", _UNTIL_SOMEBODY_ACTS_SECONDS
    if standing.asking_until is not None and standing.asking(now):
        return "the target is being asked whether it is well", _ANSWERED_SOON_SECONDS
    if standing.blocked_until is not None and standing.quiet(now):
        why = "breaker open" if standing.breaker == Breaker.OPEN else "the target asked to be left alone"
        return why, (standing.blocked_until - now).total_seconds()
    if standing.breaker == Breaker.HALF_OPEN and not _probes(standing, now, most=1):
        assert standing.probes_until is not None  # noqa: S101  # what the line before says, for the types
        return "probes are under way", (standing.probes_until - now).total_seconds()
    return None


def is_free(standing: TargetHealth, now: datetime, policy: Policy) -> bool:
    """Calls may start without anything being written down."""
    return (
        standing.breaker == Breaker.CLOSED
        and shut(standing, now) is None
        and rate_limit.current(standing, now, policy.rate_per_second) is None
    )


def enter(
    standing: TargetHealth, now: datetime, policy: Policy, *, most: int, patience_seconds: float
) -> tuple[TargetHealth, Turns, str]:
    """Let up to ``most`` calls in; the standing that is left, their turns, and why there are none."""
    obstacle = shut(standing, now)
    if obstacle is not None:
        why, wait_seconds = obstacle
        return standing, Turns(0, wait_seconds=wait_seconds), why
    if standing.breaker != Breaker.CLOSED:
        if standing.probes_until is None or standing.probes_until <= now:
            until = now + timedelta(seconds=policy.probe_seconds)
            standing = replace(
                standing,
                breaker=Breaker.HALF_OPEN,
                blocked_until=None,
                probes_left=policy.probes,
                probes_until=until,
            )
        most = min(most, standing.probes_left)
    per_second = rate_limit.current(standing, now, policy.rate_per_second)
    turns = Turns(most)
    if per_second is not None:
        standing, turns = rate_limit.take(standing, now, per_second, most=most, patience_seconds=patience_seconds)
    if standing.breaker == Breaker.HALF_OPEN:
        standing = replace(standing, probes_left=standing.probes_left - turns.count)
    return standing, turns, "" if turns.count else "the rate is used up"


def given_back(standing: TargetHealth, count: int) -> TargetHealth:
    """So many probes fewer were made than were let in."""
    if standing.breaker != Breaker.HALF_OPEN:
        return standing
    return replace(standing, probes_left=standing.probes_left + count)


def allowance(standing: TargetHealth, now: datetime, policy: Policy, *, most: int, seconds: float) -> int:
    """How many calls, of ``most``, could start within so many seconds: what is worth being woken for."""
    if shut(standing, now) is not None:
        return 0
    if standing.breaker != Breaker.CLOSED:
        return min(most, _probes(standing, now, most=policy.probes))
    per_second = rate_limit.current(standing, now, policy.rate_per_second)
    if rate_limit.ramping(standing, now, policy.rate_per_second):
        per_second = policy.rate_per_second  # it doubles every second
    return most if per_second is None else min(most, math.ceil(per_second * seconds))


def _probes(standing: TargetHealth, now: datetime, *, most: int) -> int:
    spent = standing.probes_until is not None and standing.probes_until > now
    return min(most, standing.probes_left) if spent else most
