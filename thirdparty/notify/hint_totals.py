"""How many hints were sent, and how many no broker took: numbers that only grow, of all processes together.

Each process counts in memory, so that a save writes nothing more and waits for nothing. What it has counted is added to the
database once a minute at most, by a thread that publishes or probes, when nobody waits for it any more. A process that ends
takes along what it has counted since.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from threading import Lock

from django.db import connection
from django.db.models import F

logger = logging.getLogger(__name__)

EVERY_SECONDS = 60.0
SENT, REFUSED = "sent", "refused"


class HintTotals:
    """Those of one process. May be used by several threads at once."""

    def __init__(self) -> None:
        self._every_seconds = EVERY_SECONDS
        self._counted = Counter[tuple[str, str]]()
        self._stored_at = time.monotonic()
        self._lock = Lock()

    def count(self, task: str, *, sent: bool) -> None:
        """One more of this task, by its full name."""
        with self._lock:
            self._counted[task.rpartition(".")[2], SENT if sent else REFUSED] += 1

    def store(self) -> None:
        """Add what has been counted to the database, if it is time. Raises nothing: what cannot be added is kept for later.

        For a thread of its own alone: its connection is closed.
        """
        with self._lock:
            if time.monotonic() - self._stored_at < self._every_seconds:
                return
            self._stored_at = time.monotonic()
            counted, self._counted = self._counted, Counter()
        try:
            _add(counted)
        except Exception:  # noqa: BLE001  # a database that does not answer has its own alarms
            logger.warning("how many hints were published cannot be stored now: it is tried again")
            with self._lock:
                self._counted += counted
        finally:
            connection.close()


def _add(counted: Counter[tuple[str, str]]) -> None:
    """Takes out what has been added, so that nothing is added twice."""
    from thirdparty.models import HintTotal  # noqa: PLC0415  # the application that publishes is made before the models are

    HintTotal.objects.bulk_create(
        [HintTotal(task=task, outcome=outcome) for task, outcome in counted], ignore_conflicts=True
    )
    for (task, outcome), count in list(counted.items()):
        HintTotal.objects.filter(task=task, outcome=outcome).update(count=F("count") + count)
        del counted[task, outcome]
