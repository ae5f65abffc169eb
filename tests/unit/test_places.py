"""A worker's processes share a few places to drain a target with a rate."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from users.sync import places

# In a process of its own: a fork of one that has threads, as the tests have, may never get to its first line.
WORKER = """
import os, signal, sys
from users.sync import places

places.divide_among(3)
for line in sys.stdin:
    order, argument = line.split()
    if order == "kill":
        os.kill(int(argument), signal.SIGKILL)
        os.waitpid(int(argument), 0)
        print("killed", flush=True)
    elif os.fork() == 0:
        with places.place(argument) as nth:
            print(os.getpid(), nth, flush=True)
            while True:
                signal.pause()
"""


class Worker:
    """A worker of three processes, more of which may ask than there are."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def _told(self, order: str, argument: object) -> str:
        assert self._process.stdin
        assert self._process.stdout
        print(order, argument, file=self._process.stdin, flush=True)
        return self._process.stdout.readline()

    def take(self, name: str) -> tuple[int, str]:
        """One more process takes a place and holds it: its process id, and which place."""
        pid, nth = self._told("take", name).split()
        return int(pid), nth

    def kill(self, pid: int) -> None:
        self._told("kill", pid)


@pytest.fixture
def worker() -> Iterator[Worker]:
    command = [sys.executable, "-c", WORKER]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, start_new_session=True) as process:
        yield Worker(process)
        os.killpg(process.pid, signal.SIGKILL)


def test_every_process_but_one_has_a_place(worker: Worker) -> None:
    assert [worker.take("partner")[1] for _ in range(3)] == ["0", "1", "None"]


def test_each_target_has_places_of_its_own(worker: Worker) -> None:
    assert [worker.take(name)[1] for name in ("partner", "partner", "saas")] == ["0", "1", "0"]


def test_the_place_of_a_process_that_was_killed_is_free(worker: Worker) -> None:
    first, _ = worker.take("partner")
    worker.take("partner")
    worker.kill(first)
    assert worker.take("partner")[1] == "0"


@pytest.mark.parametrize("processes", [1, 2, "auto"])
def test_there_is_always_one_place(processes: object) -> None:
    places.divide_among(processes)
    try:
        with places.place("partner") as nth:
            assert nth == 0
    finally:
        places.divide_among(1)
