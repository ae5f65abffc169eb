"""The look at a target for which nothing is due: when it is made, and what it says. Pure.

Without it, nobody would see an outage before somebody saves, nor the end of one.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from thirdparty.connectors.probe import Probe
from thirdparty.protect.circuit_breaker import CircuitBreaker
from thirdparty.protect.health import Breaker, GuardDecision, Policy, TargetHealth
from thirdparty.protect.pauses import pause_seconds, unpaused

IDLE_LOOK = timedelta(seconds=60)
"""So often a target is looked at that nothing is due for; after a look that was not answered, `DOUBTFUL_LOOK`."""
DOUBTFUL_LOOK = timedelta(seconds=10)


def turn(standing: TargetHealth, now: datetime, policy: Policy, *, jitter: float) -> TargetHealth | None:
    """Take the right to look at a target that nothing is due for; None while it is not time, or nothing harmless is offered."""
    if standing.paused or standing.asking(now) or standing.quiet(now):
        return None
    if not set(policy.harmless) - set(standing.capabilities_off):
        return None
    if standing.breaker == Breaker.OPEN:
        openings = standing.openings + 1
        until = now + timedelta(seconds=pause_seconds(openings, policy, jitter))
        return replace(standing, openings=openings, blocked_until=until, looked_at=now)
    every = DOUBTFUL_LOOK if standing.failed_keys or standing.breaker == Breaker.HALF_OPEN else IDLE_LOOK
    # A look of the future is of a clock that has been set back.
    if standing.looked_at is not None and now - every < standing.looked_at <= now:
        return None
    return replace(standing, looked_at=now)


def seen(judgement: CircuitBreaker, probe: Probe, reason: str) -> tuple[TargetHealth, GuardDecision]:
    """What a harmless call said while nothing was due. Each silence counts: there is no record that could be at fault."""
    standing = judgement.standing
    if standing.paused:
        return standing, GuardDecision()
    if probe in (Probe.FINE, Probe.REJECTED):
        if standing.breaker == Breaker.CLOSED:
            return replace(standing, failed_keys=()), GuardDecision()
        if standing.refused_for:
            return unpaused(standing), GuardDecision()  # whether it takes records, only a record can tell
        return judgement.vouched_for(replace(standing, breaker=Breaker.HALF_OPEN, failed_keys=())), GuardDecision()
    if probe == Probe.REFUSED:
        return judgement.turned_away("", reason, probe)
    if probe == Probe.UNCLEAR:
        return judgement.failed("", reason, nothing_sent=True)
    return standing, GuardDecision()
