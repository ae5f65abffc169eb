"""Probes of targets that the guard has paused, or that nothing is due for, all at the same time: one that hangs delays nobody."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from queue import Empty, SimpleQueue
from threading import Thread

from thirdparty import protect, targets
from thirdparty.models import Record

logger = logging.getLogger(__name__)

_CALLS_OF_A_PROBE = 2
_MARGIN_SECONDS = 1.0


Look = Callable[[], tuple[protect.Probe, str]]


class Probes:
    """A thread for each target that it is time to ask; they touch no database, and are no more than there are targets.

    Asked are those that the guard has paused, and, now and then, those that nothing is due for.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._seen: SimpleQueue[tuple[str, protect.Probe, str]] = SimpleQueue()
        self._asked: set[str] = set()
        self._idle: set[str] = set()
        for name in names:
            try:
                call = self._call(name)
            except Exception:  # of this target alone: the others are asked all the same
                logger.exception("target %s cannot be probed", name)
                continue
            if call is not None:
                self._asked.add(name)
                Thread(target=self._ask, args=(name, call), name=f"probe_{name}", daemon=True).start()

    def _call(self, name: str) -> Look | None:
        revival = protect.revival(name)
        if revival is not None:
            return lambda: (revival(), "")
        if Record.objects.filter(target=name, due_at__isnull=False).exists():
            return None
        look = protect.idle_look(name)
        if look is not None:
            self._idle.add(name)
        return look

    def _ask(self, name: str, call: Look) -> None:
        self._seen.put((name, *call()))

    def answered(self) -> list[str]:
        """The targets that go on; waits no longer than their calls may take. Who says nothing by then stays paused."""
        longest_seconds = max((targets.config(name).timeout_seconds for name in self._asked), default=0.0)
        until = time.monotonic() + _CALLS_OF_A_PROBE * longest_seconds + _MARGIN_SECONDS
        going_on = []
        while self._asked:
            try:
                name, seen, reason = self._seen.get(timeout=max(until - time.monotonic(), 0.0))
            except Empty:
                break
            self._asked.discard(name)
            try:
                if name in self._idle:
                    protect.idle_seen(name, seen, reason)
                elif protect.revived(name, seen):
                    going_on.append(name)
            except Exception:  # as above
                logger.exception("target %s: what its probe saw cannot be written", name)
        return going_on
