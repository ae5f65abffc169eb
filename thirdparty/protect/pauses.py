"""How long nothing is sent to a target that is in trouble, and how a pause ends. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from thirdparty.protect.health import Breaker, Policy, TargetHealth


def pause_seconds(openings: int, policy: Policy, jitter: float) -> float:
    """The pause after so many openings in a row: it doubles, and is drawn from its upper half."""
    whole = min(policy.longest_pause_seconds, policy.first_pause_seconds * 2.0 ** min(openings - 1, 30))
    return whole * (0.5 + 0.5 * jitter)


def probing_itself(standing: TargetHealth, now: datetime, policy: Policy, *, jitter: float) -> TargetHealth | None:
    """Take the right to probe a target that the guard has paused; None while it is not time."""
    if not (standing.paused and standing.paused_by_guard) or standing.quiet(now):
        return None
    openings = standing.openings + 1
    until = now + timedelta(seconds=pause_seconds(openings, policy, jitter))
    return replace(standing, openings=openings, blocked_until=until)


def next_probe(standing: TargetHealth, now: datetime) -> datetime | None:
    """When a target in trouble is tried next; None for one that is well, or that a person has paused."""
    if standing.paused and not standing.paused_by_guard:
        return None
    if not standing.paused and standing.breaker == Breaker.CLOSED:
        return None
    return max(standing.blocked_until or now, now)


def unpaused(standing: TargetHealth) -> TargetHealth:
    """A probe was answered: a few real calls are next."""
    return replace(
        standing,
        paused=False,
        paused_by_guard=False,
        paused_reason="",
        breaker=Breaker.HALF_OPEN,
        breaker_reason="a probe was answered after a pause",
        blocked_until=None,
        probes_left=0,
        probes_until=None,
    )


def resumed(standing: TargetHealth) -> TargetHealth:
    """A person says that all is well: everything is forgotten but the turns taken."""
    return TargetHealth(next_slot_at=standing.next_slot_at)
