"""How fast a target may be called: evenly spaced turns, and a limit that gives way and comes back. Pure.

Turns are spaced, never saved up (the generic cell rate algorithm without a burst): whoever starts no call
before its turn keeps the rate in every second, however many workers there are.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from thirdparty.protect.health import TargetHealth

HEADROOM = 0.95
"""Turns come at this share of the rate: a call that is late by a little must not make a second too full."""
FIRST_LIMIT_PER_SECOND = 50.0
"""What the first 429 of a target without a configured rate comes down to."""
RAMP_FROM_PER_SECOND = 5.0
UNLIMITED_FROM_PER_SECOND = 1_000.0
"""A limit that has climbed so far without being hit limits nothing any more, where no rate is configured."""
LOWEST_PER_SECOND = 0.2
_SLOWED_LEAST_PER_SECOND = 1.0
_HALVED_ONCE_PER_SECONDS = 1.0
_RAMP_DOUBLINGS = 1.0
_CLIMB_DOUBLINGS = 0.1
"""A second. By doubling, a limit that a storm of 429 has halved again and again is back in a minute or two; and one that
is near what the target bears meets another 429 every ten seconds only.
"""


@dataclass(frozen=True, slots=True)
class Turns:
    """``count`` turns from ``first_in_seconds`` from now on, so far apart; none: ask again after ``wait_seconds``."""

    count: int
    first_in_seconds: float = 0.0
    spacing_seconds: float = 0.0
    wait_seconds: float = 0.0


def current(standing: TargetHealth, now: datetime, configured: float | None) -> float | None:
    """Calls per second allowed now; None for as many as one likes."""
    if standing.rate_limit is None or standing.rate_set_at is None or standing.rate_climb is None:
        return configured
    seconds = max((now - standing.rate_set_at).total_seconds(), 0.0)
    limit = standing.rate_limit * 2.0 ** min(seconds * standing.rate_climb, 60.0)
    ceiling = configured if configured is not None else UNLIMITED_FROM_PER_SECOND
    return configured if limit >= ceiling else limit


def ramping(standing: TargetHealth, now: datetime, configured: float | None) -> bool:
    """The target has come back a moment ago and does not get its full load yet."""
    return standing.rate_climb == _RAMP_DOUBLINGS and current(standing, now, configured) != configured


def ramp(standing: TargetHealth, now: datetime, configured: float | None) -> TargetHealth:
    """Begin slowly, and double every second."""
    start = min(RAMP_FROM_PER_SECOND, configured) if configured is not None else RAMP_FROM_PER_SECOND
    return replace(standing, rate_limit=start, rate_set_at=now, rate_climb=_RAMP_DOUBLINGS)


def halved(standing: TargetHealth, now: datetime, configured: float | None) -> TargetHealth:
    """The target said 429. Once a second at most: the calls under way were sent at one and the same rate."""
    if standing.rate_set_at is not None and now - standing.rate_set_at < timedelta(seconds=_HALVED_ONCE_PER_SECONDS):
        return standing
    rate = current(standing, now, configured)
    limit = FIRST_LIMIT_PER_SECOND if rate is None else max(rate / 2, min(LOWEST_PER_SECOND, rate))
    return replace(standing, rate_limit=limit, rate_set_at=now, rate_climb=_CLIMB_DOUBLINGS)


def slowed(standing: TargetHealth, now: datetime, configured: float | None) -> TargetHealth:
    """It refuses or fails record after record and yet seems well: go on, but make no storm of it."""
    rate = current(standing, now, configured)
    limit = RAMP_FROM_PER_SECOND if rate is None else min(rate / 2, RAMP_FROM_PER_SECOND)
    least = min(_SLOWED_LEAST_PER_SECOND, configured or _SLOWED_LEAST_PER_SECOND)
    return replace(standing, rate_limit=max(limit, least), rate_set_at=now, rate_climb=_CLIMB_DOUBLINGS)


def take(
    standing: TargetHealth, now: datetime, rate: float, *, most: int, patience_seconds: float
) -> tuple[TargetHealth, Turns]:
    """Take up to ``most`` turns, none further off than ``patience_seconds``.

    Who is patient gets turns that the less patient leave: that is how a person's edit, which waits for
    longer, goes before a backlog.
    """
    spacing = 1.0 / (rate * HEADROOM)
    first_at = max(standing.next_slot_at or now, now)
    first_in = (first_at - now).total_seconds()
    if first_in > patience_seconds:
        return standing, Turns(0, wait_seconds=first_in - patience_seconds)
    count = min(most, int((patience_seconds - first_in) / spacing) + 1)
    taken = replace(standing, next_slot_at=first_at + timedelta(seconds=count * spacing))
    return taken, Turns(count, first_in, spacing)
