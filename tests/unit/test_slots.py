"""A worker's processes share a few slots to drain from, so that one is free for every other target and for edits."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from thirdparty.run import slots

# In a process of its own: a fork of one that has threads, as the tests have, may never get to its first line.
WORKER = """
import os, signal, sys
from thirdparty.run import slots

slots.divide_among(4)
for line in sys.stdin:
    order, argument, targets = line.split()
    if order == "kill":
        os.kill(int(argument), signal.SIGKILL)
        os.waitpid(int(argument), 0)
        print("killed", flush=True)
    elif os.fork() == 0:
        slot = slots.slot_to_push(argument, targets=int(targets)) if order == "push" else slots.slot(
            argument, targets=int(targets), is_helper=order == "help"
        )
        with slot as may:
            print(os.getpid(), may, flush=True)
            while True:
                signal.pause()
"""


class Worker:
    """A worker of four processes, more of which may ask than there are."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def _told(self, order: str, argument: object, targets: int = 1) -> str:
        assert self._process.stdin
        assert self._process.stdout
        print(order, argument, targets, file=self._process.stdin, flush=True)
        return self._process.stdout.readline()

    def begin(self, name: str, *, targets: int = 1, is_helper: bool = False) -> tuple[int, bool]:
        """One more process asks, and holds the slot if it gets one: its process id, and whether it did."""
        pid, may = self._told("help" if is_helper else "begin", name, targets).split()
        return int(pid), may == "True"

    def push(self, name: str, *, targets: int = 1) -> tuple[int, bool]:
        """As `begin`, to push a single record."""
        pid, may = self._told("push", name, targets).split()
        return int(pid), may == "True"

    def kill(self, pid: int) -> None:
        self._told("kill", pid)


@pytest.fixture
def worker() -> Iterator[Worker]:
    command = [sys.executable, "-c", WORKER]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, start_new_session=True) as process:
        yield Worker(process)
        os.killpg(process.pid, signal.SIGKILL)


def test_one_process_of_four_stays_free_however_many_would_help(worker: Worker) -> None:
    assert worker.begin("partner")[1]
    assert [worker.begin("partner", is_helper=True)[1] for _ in range(3)] == [True, True, False]


def test_a_second_hint_for_a_target_that_is_drained_already_ends(worker: Worker) -> None:
    assert [worker.begin("partner")[1] for _ in range(2)] == [True, False]


def test_every_other_target_finds_its_own_slot_however_many_help(worker: Worker) -> None:
    assert worker.begin("slow", targets=2)[1]
    assert [worker.begin("slow", targets=2, is_helper=True)[1] for _ in range(2)] == [True, False]
    assert worker.begin("healthy", targets=2)[1]


def test_pushes_of_a_slow_target_leave_a_process_for_the_others(worker: Worker) -> None:
    assert worker.begin("slow", targets=2)[1]
    assert [worker.push("slow", targets=2)[1] for _ in range(3)] == [True, True, False]
    assert worker.push("healthy", targets=2)[1]


def test_a_push_keeps_no_drain_of_its_target_waiting_and_a_drain_no_push(worker: Worker) -> None:
    assert worker.push("partner", targets=3)[1]
    assert worker.begin("partner", targets=3)[1]
    first, _ = worker.push("other", targets=3)
    worker.kill(first)
    assert worker.push("other", targets=3)[1]


def test_with_as_many_targets_as_processes_nobody_helps(worker: Worker) -> None:
    assert [worker.begin(name, targets=4)[1] for name in "abcd"] == [True] * 4
    assert not worker.begin("a", targets=4, is_helper=True)[1]


def test_the_slot_of_a_process_that_was_killed_is_free(worker: Worker) -> None:
    first, _ = worker.begin("partner")
    worker.kill(first)
    assert worker.begin("partner")[1]


@pytest.mark.parametrize("processes", [1, 2, "auto"])
def test_there_is_always_one_slot(processes: object) -> None:
    slots.divide_among(processes)
    try:
        with slots.slot("partner", targets=3, is_helper=False) as may:
            assert may
    finally:
        slots.divide_among(1)
