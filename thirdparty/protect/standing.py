"""How a target stands, as people see it, and as they say that it is to stand."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from thirdparty.models import Target
from thirdparty.protect import pauses, rate_limit, sender, target_row
from thirdparty.protect.ruling import tell


def summary(row: Target) -> dict[str, Any]:
    """How a target stands, for people: breaker, pause, silence, next probe, present rate, and what it turned out not to offer.

    ``rate_per_second`` is None without a limit.
    """
    now = target_row.clock()
    policy = target_row.policy(row.name)
    known = target_row.standing_of(row).without_the_impossible(now, policy)
    # Told for a while longer: whoever asks next may not have come yet.
    shown_at = now - timedelta(seconds=policy.longest_pause_seconds)
    return {
        "breaker": known.breaker,
        "breaker_reason": known.breaker_reason,
        "paused": known.paused,
        "paused_reason": known.paused_reason,
        "blocked_until": known.blocked_until if known.quiet(now) else None,
        "next_probe_at": pauses.next_probe(known, now),
        "rate_per_second": rate_limit.current(known, now, policy.rate_per_second),
        "capabilities_off": list(known.without(shown_at)),
    }


def pause(target: str, reason: str) -> bool:
    """A person says that nothing is to be sent until a person says otherwise. False where there is no such target."""
    try:
        with target_row.changing(target, durable=False) as held:
            held.standing = replace(held.standing, paused=True, paused_by_guard=False, paused_reason=reason[:200])
    except Target.DoesNotExist:
        return False
    return True


def resume(target: str) -> bool:
    """A person says that all is well: everything held against the target is forgotten. False where there is none.

    From now on it is sent to from this database.

    May be part of a transaction that asks no target.
    """
    try:
        with target_row.changing(target, durable=False) as held:
            before = held.standing
            held.standing = pauses.resumed(before)
            sender.rebind(target)
    except Target.DoesNotExist:
        return False
    tell(target, before, held.standing)
    return True
