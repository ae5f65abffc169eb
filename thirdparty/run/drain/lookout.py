"""When a drain looks for due records again, and when somebody has to after it has ended. Pure."""

from __future__ import annotations

LONGEST_SLEEP_SECONDS = 1.0
"""A drain waits for its turn no longer than this; for longer, a hint does."""
LOOK_AGAIN_SECONDS = 0.1
"""How often a drain that has found nothing more looks for new edits while calls are under way."""


class Lookout:
    """All moments are of one monotonic clock. ``found_all``: nothing more was due when it looked last."""

    def __init__(self) -> None:
        self.found_all = False
        self._look_at = 0.0
        self._looked_at = 0.0
        self._retries_at: list[float] = []

    def is_time(self, now: float, *, busy: bool) -> bool:
        """Whether to look now. A drain that is not ``busy``, and has found all, looks once more before it ends."""
        return now >= self._look_at or (self.found_all and not busy)

    def looks(self, now: float) -> None:
        """It looks now; what it finds is yet to be said."""
        self._looked_at, self.found_all = now, False

    def finds_nothing(self) -> None:
        """Nothing is due."""
        self.found_all = True

    def finds_all(self, now: float) -> None:
        """No more is due than what was claimed."""
        self.found_all = True
        self._look_at = now + LOOK_AGAIN_SECONDS

    def is_kept_out(self, *, until: float) -> None:
        """More may be due, and none of it can be claimed before."""
        self._look_at = until

    def is_let_in_perhaps(self) -> None:
        """What kept it out may be over."""
        self._look_at = 0.0

    def has_more(self) -> None:
        """A record has become due at once."""
        self._look_at, self.found_all = 0.0, False

    def expects_retry(self, at: float) -> None:
        """A failed record becomes due then."""
        self._retries_at.append(at)

    def sleep_seconds(self, now: float) -> float | None:
        """How long to sleep until the next look, with nothing under way; None where to end is better."""
        seconds = self._look_at - now
        return None if self.found_all or seconds > LONGEST_SLEEP_SECONDS else max(seconds, 0.0)

    def look_in_seconds(self, now: float) -> float | None:
        """When somebody has to look again, after the drain; None: nobody waits."""
        moments = [at for at in self._retries_at if at > self._looked_at]
        if not self.found_all:
            moments.append(self._look_at)
        return min((max(at - now, 0.0) for at in moments), default=None)
