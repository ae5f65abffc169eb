"""One judgement on a target, under its row's lock: what was decided is stored, and told to the operator."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable

from thirdparty.protect import last_seen, target_row
from thirdparty.protect.circuit_breaker import CircuitBreaker
from thirdparty.protect.health import GuardDecision, TargetHealth

logger = logging.getLogger(__name__)


def ruled(target: str, judged: Callable[[CircuitBreaker], tuple[TargetHealth, GuardDecision]]) -> GuardDecision:
    """What the breaker says. Not to be used inside a transaction."""
    with target_row.changing(target) as held:
        before = held.standing
        held.standing, ruling = judged(CircuitBreaker(before, held.now, target_row.policy(target), jitter=jitter()))
    last_seen.keep(target, held.standing)
    tell(target, before, held.standing)
    return ruling


def jitter() -> float:
    """0 to 1, drawn anew."""
    return random.random()  # noqa: S311  # no secret


def tell(target: str, before: TargetHealth, after: TargetHealth) -> None:
    """Log what an operator wants to know."""
    if after.breaker != before.breaker:
        logger.warning("target %s: breaker %s%s", target, after.breaker, _because(after.breaker_reason))
    if after.paused != before.paused:
        logger.warning(
            "target %s: %s%s", target, "paused" if after.paused else "goes on", _because(after.paused_reason)
        )
    if after.capabilities_off != before.capabilities_off and after.capabilities_off:
        logger.warning("target %s does not offer %s; what needs it waits", target, ", ".join(after.capabilities_off))


def _because(reason: str) -> str:
    return f": {reason}" if reason else ""
