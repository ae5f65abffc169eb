"""Whether connections to a target are worth keeping.

Some servers close after each answer without saying so. What is sent on such a connection may cross
the close: a read is then asked again, a write has an unknown outcome. So a target is not offered
kept connections for a while once several in a row ended after their first answer. Connections that
end after many answers, as at a restart of the target, say nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

# In a row, without one that served twice in between: two may be chance.
ENOUGH = 3
# After so long a connection is kept again; if it ends likewise, that is enough.
LEARNT_SECONDS = 300.0


class KeepAlive:
    """What one process has learnt of one target. Threads may share it: a count that is lost is made up for."""

    def __init__(self, *, wanted: bool = True, clock: Callable[[], float] = monotonic) -> None:
        self._wanted = wanted
        self._clock = clock
        self._ended = 0
        self._not_before = 0.0

    @property
    def allowed(self) -> bool:
        """Whether a connection may serve more than one request now."""
        return self._wanted and (self._ended < ENOUGH or self._clock() >= self._not_before)

    def ended_after_one_answer(self) -> None:
        """Note that the other side closed a kept connection before it answered a second request."""
        self._ended += 1
        if self._ended >= ENOUGH:
            self._not_before = self._clock() + LEARNT_SECONDS

    def served_again(self) -> None:
        """Note that a connection gave a second answer."""
        self._ended = 0
