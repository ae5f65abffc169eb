"""How many calls a drain has under way, and when there is room for more. Pure."""

from __future__ import annotations

from thirdparty.run.drain.limits import Limits

_HANDFUL = 2
"""So many records for each thread are claimed by one statement, and so many outcomes written by one."""
_AHEAD = 2
"""So many handfuls are under way at most, so that a thread that becomes free finds its next record claimed."""
_FREE_SHARE = 4
"""Where calls have their turns, one thread in so many has to be free before more is claimed."""


class Capacity:
    """``handful``: so many are claimed, or written, at a time. ``paced``: calls have their turns, at the target's rate."""

    def __init__(self, limits: Limits) -> None:
        # Where every call takes its longest, the last of those claimed has to begin within its lease.
        patient = limits.lease_seconds > (_HANDFUL * _AHEAD + 1) * limits.call_seconds
        self._threads = limits.threads
        self.handful = limits.threads * (_HANDFUL if patient else 1)
        self._limit = self.handful * (_AHEAD if patient else 1)
        self.paced = limits.paced

    def has_room(self, under_way: int) -> bool:
        """Whether it is worth claiming more while so many calls are under way."""
        # Where calls have their turns, a record must find a thread that is free when its turn comes.
        if self.paced:
            return self._threads - under_way > self._threads // _FREE_SHARE
        return self._limit - under_way >= self.handful

    def room(self, under_way: int) -> int:
        """How many to claim at once."""
        return self._threads - under_way if self.paced else self.handful
