"""How often one process may publish hints: a few for single records, then one a second for a target as a whole. Pure."""

from __future__ import annotations

from collections import deque

SINGLES_PER_SECOND = 5
"""So many single records of a target are woken in a second; beyond, a drain is cheaper."""
_SECOND = 1.0


class Throttle:
    """Remembers what was published when. ``now`` is monotonic seconds. Not for several threads at once."""

    def __init__(self) -> None:
        self._singles: dict[str, deque[float]] = {}
        self._hint_at: dict[str, float] = {}

    def single(self, target: str, now: float) -> bool:
        """Whether one more single record may be woken now; if so, it counts."""
        recent = self._singles.setdefault(target, deque(maxlen=SINGLES_PER_SECOND))
        if len(recent) == SINGLES_PER_SECOND and now - recent[0] < _SECOND:
            return False
        recent.append(now)
        return True

    def hint(self, target: str, now: float, *, within_seconds: float = 0.0) -> float | None:
        """In how many seconds to publish a hint that is wanted so soon; None where one that is yet to come will do."""
        planned = self._hint_at.get(target, now - _SECOND)
        if now < planned <= now + max(within_seconds, _SECOND):
            return None
        at = max(now + within_seconds, planned + _SECOND if planned <= now else now)
        self._hint_at[target] = at
        return at - now
