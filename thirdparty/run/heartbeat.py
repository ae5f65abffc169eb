"""Each worker and beat says that it is alive, and whether it reaches the broker: who looks at the status sees who works.

In a thread of its own, so that neither a long task nor a frozen broker keeps it silent. It holds no connection to the
database between two beats.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from datetime import timedelta

from django.db import Error, connection
from django.db.models.functions import Coalesce, Now

from thirdparty.models.heartbeat import Heartbeat, Role
from thirdparty.notify.broker import publisher

EVERY_SECONDS = 15.0
SILENT_AFTER_SECONDS = 60.0
"""Who has not been seen for so long does not work."""
KEPT_FOR = timedelta(days=1)
"""So long it is remembered when somebody who is gone was last seen."""
_FORK_WAITS_SECONDS = 1.0

logger = logging.getLogger(__name__)
_writing = threading.Lock()
"""Held while a database library is at work: a process that is forked in between would inherit its locks."""


class Heart:
    """One process's. ``node``: what tells it from others of its role."""

    def __init__(self, role: Role, node: str, queues: Sequence[str] = ()) -> None:
        self.name = f"{role}:{node}"[:200]
        self._role = role
        self._queues = sorted(queues)
        self._broker_down = False
        self._seen = False
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def start(self) -> None:
        """Beat from now on, until the process ends."""
        self._thread.start()

    def beat(self) -> None:
        """Be seen. Raises nothing: a database that does not answer is said elsewhere."""
        with _writing:
            _quietly(self._write)

    def look_for_broker(self) -> None:
        """Whether one answers is written with the next beat."""
        self._broker_down = not publisher().answers()

    def _run(self) -> None:
        while True:
            self.beat()
            self.look_for_broker()
            time.sleep(EVERY_SECONDS)

    def _write(self) -> None:
        seen = Heartbeat(name=self.name, role=self._role, queues=self._queues, started_at=Now(), seen_at=Now())
        # The row may be of a process that had the name before.
        first = [] if self._seen else ["started_at"]
        Heartbeat.objects.bulk_create(
            [seen], update_conflicts=True, unique_fields=["name"], update_fields=["seen_at", "queues", *first]
        )
        self._seen = True
        since = Coalesce("broker_down_since", Now()) if self._broker_down else None
        Heartbeat.objects.filter(name=self.name).update(broker_down_since=since)


def start(role: Role, node: str, queues: Sequence[str] = ()) -> None:
    """This process is alive from now on."""
    Heart(role, node, queues).start()


def prune_some(kept_for: timedelta) -> int:
    """Forget who has not been seen for so long."""
    return Heartbeat.objects.filter(seen_at__lt=Now() - kept_for).delete()[0]


def _quietly(write: Callable[[], object]) -> None:
    try:
        write()
    except Error as problem:
        logger.warning("nobody sees that this process lives: %s", type(problem).__name__)
    finally:
        connection.close()


_held_by_fork = threading.local()


def _before_fork() -> None:
    _held_by_fork.lock = _writing.acquire(timeout=_FORK_WAITS_SECONDS)


def _after_fork() -> None:
    if _held_by_fork.lock:
        _writing.release()


os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork)
