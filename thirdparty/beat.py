"""A beat that goes on after its clock has been set back."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

from celery.beat import PersistentScheduler

logger = logging.getLogger(__name__)

_TOLERANCE = timedelta(seconds=1)


class ClockWaryScheduler(PersistentScheduler):
    """Celery's own, but that an entry last run in the future is due one period from now, and not one period from then.

    Without that, nothing runs for as long as the clock was set back by, nor after a restart, since the times are kept in
    a file.
    """

    def tick(self, *args: Any, **options: Any) -> float:
        """Run what is due; seconds until the next look, as in Celery."""
        early = [
            entry
            for entry in self.schedule.values()
            if entry.last_run_at and entry.last_run_at > entry.default_now() + _TOLERANCE
        ]
        for entry in early:
            entry.last_run_at = entry.default_now()
        if early:
            logger.warning("the clock has been set back: %d entries begin their periods anew", len(early))
            self.populate_heap()  # it is ordered by moments of the clock, too
        return float(super().tick(*args, **options))
