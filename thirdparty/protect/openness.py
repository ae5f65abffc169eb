"""Is a target open for a write that nobody may refuse, and how certain is it to take one?"""

from __future__ import annotations

from dataclasses import dataclass

from thirdparty.protect import admission, rate_limit, target_row
from thirdparty.protect.health import Breaker


@dataclass(frozen=True, slots=True)
class Openness:
    """``obstacle``: in a word, why it is not open; empty where it is. ``message``: the same as a sentence.

    ``troubled``: calls have failed a moment ago. ``calls_per_second``: None for as many as one likes.
    """

    obstacle: str = ""
    message: str = ""
    troubled: bool = False
    calls_per_second: float | None = None


def openness(target: str) -> Openness:
    """How a target stands now, by the database's clock. Reads its row, without a lock, and changes nothing."""
    read = target_row.read(target)
    if read is None:
        return Openness("not_enabled", "the target is not in use")
    known, now = read
    if known.paused:
        return Openness("paused", f"the target is paused: {known.paused_reason or 'no reason given'}")
    if known.breaker != Breaker.CLOSED:
        why = f" ({known.breaker_reason})" if known.breaker_reason else ""
        return Openness("breaker", f"the target's circuit breaker is {known.breaker.replace('_', '-')}{why}")
    shut = admission.shut(known, now)
    if shut is not None:
        return Openness("silent", shut[0])
    limit = rate_limit.current(known, now, target_row.policy(target).rate_per_second)
    return Openness(troubled=known.troubled, calls_per_second=limit)
