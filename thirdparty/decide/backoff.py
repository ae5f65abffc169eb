"""How long to wait before the next try: exponential backoff with full jitter. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """``first_seconds`` doubles with every failed try up to ``most_seconds``.

    ``tries``: how many of them Celery makes itself; beyond, only the reconciler tries.
    ``grace_seconds``: how much later than Celery's own retry the reconciler looks.
    """

    first_seconds: float
    most_seconds: float
    tries: int
    grace_seconds: float

    def delay(self, failures: int, random: Callable[[], float], *, at_least: float | None = None) -> float:
        """Seconds to wait after so many failures in a row (1 or more).

        Drawn evenly from 0 to the backoff (full jitter: "Exponential Backoff And Jitter", AWS
        Architecture Blog). ``at_least`` is the target's own wish; jitter comes on top of it.
        """
        ceiling = min(self.most_seconds, self.first_seconds * 2.0 ** min(failures - 1, 62))
        return (at_least or 0.0) + ceiling * random()
