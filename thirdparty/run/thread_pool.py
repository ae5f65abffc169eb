"""The threads of this process that make a drain's calls, many at the same time. They touch no database."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from queue import SimpleQueue
from threading import Thread


class ThreadPool:
    """So many threads; the next one that is free does what was handed in first.

    Not a `ThreadPoolExecutor`: its futures, which nobody would wait for one by one, took 9 % of a drain's time
    (bench/drain-profile.txt).
    """

    def __init__(self, threads: int) -> None:
        self._work: SimpleQueue[Callable[[], None]] = SimpleQueue()
        for number in range(threads):
            Thread(target=self._run, name=f"drain_{number}", daemon=True).start()

    def submit(self, work: Callable[[], None]) -> None:
        """Have it done. It must not raise: nobody would hear of it."""
        self._work.put(work)

    def _run(self) -> None:
        while True:
            self._work.get()()


def thread_pool(threads: int) -> ThreadPool:
    """Those of this process, started at the first call; a fork gets its own."""
    return _of(os.getpid(), threads)


@cache
def _of(_pid: int, threads: int) -> ThreadPool:
    return ThreadPool(threads)
