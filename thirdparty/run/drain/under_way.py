"""The calls of a drain that have begun, or will as soon as a thread is free. Their threads touch no database."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import partial
from queue import Empty, SimpleQueue
from threading import Thread

from thirdparty import protect, traces
from thirdparty.decide.result import FinishedStep
from thirdparty.protect import Admission, Probe
from thirdparty.run import calling
from thirdparty.run.step import Step
from thirdparty.run.thread_pool import thread_pool

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ended:
    """One call has ended. ``result``: of a probe, what it saw; None where the call broke off."""

    key: str
    result: FinishedStep | Probe | None


class UnderWay:
    """``count``: so many."""

    def __init__(self, target_name: str, *, threads: int) -> None:
        self._target_name = target_name
        self._threads = threads
        self._ended: SimpleQueue[Ended] = SimpleQueue()
        self._withdrawn = False
        self.count = 0

    def begin(self, step: Step, admission: Admission, nth: int) -> None:
        """Have the step's call made, as the ``nth`` of those that were let in together."""
        self.count += 1
        thread_pool(self._threads).submit(traces.carried(partial(self._call, step, admission, nth)))

    def begin_probe(self) -> None:
        """Have a harmless call asked, in a thread of its own: all others may be waiting for this very target."""
        ask = protect.in_doubt(self._target_name)
        self.count += 1
        ask_within = traces.carried(ask)
        Thread(target=lambda: self._ended.put(Ended("", ask_within())), name="doubt", daemon=True).start()

    def next(self, *, within_seconds: float) -> Ended | None:
        """The next that ends; None where none does within the time."""
        try:
            ended = self._ended.get(timeout=max(within_seconds, 0.0))
        except Empty:
            return None
        self.count -= 1
        return ended

    def withdraw(self) -> None:
        """Let calls that have not begun never begin: there are some only where the drain broke off."""
        self._withdrawn = True

    def _call(self, step: Step, admission: Admission, nth: int) -> None:
        result = None
        try:
            if not self._withdrawn:
                result = calling.call_target(step) if admission.await_turn(nth) else calling.turn_missed(step)
        except Exception:  # its lease runs out, which is counted against the record, and others go on
            logger.exception("%s: a call broke off", step.lease.key)
        finally:
            self._ended.put(Ended(step.lease.key, result))
