"""Slots to work from, fewer than a worker has processes: people's edits, and other targets, find one free.

Each target has one slot of its own to drain from, and one to push a single record from. The processes that are left over
when every target is drained, and one is free, are for whoever has much to do. So neither a slow target, which holds each
process for as long as a call takes, nor a large backlog takes what others need.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

# Made before the worker forks, so that its processes share it. The kernel takes a dead process's locks away.
_locks = tempfile.TemporaryFile()  # noqa: SIM115  # open for as long as the process lives
_HELPERS_AT_MOST = 1_024
"""So many slots for helpers lie at the beginning of the file; a worker has hardly more processes."""
_FIRST_TO_PUSH = _HELPERS_AT_MOST + 2**32
"""Behind the slots to drain from, which lie by the checksums of the targets' names."""
_processes = 1


def divide_among(processes: object) -> None:
    """Say, before it forks, how many processes the worker has; Celery's ``auto`` is taken for the number of cores."""
    global _processes  # noqa: PLW0603  # set once, before the fork hands it to every process
    _processes = processes if isinstance(processes, int) else os.cpu_count() or 1


def needed(targets: int) -> int:
    """So many processes a worker needs for each target to have its slot, and one to be free."""
    return targets + 1


@contextmanager
def slot(name: str, *, targets: int, is_helper: bool) -> Iterator[bool]:
    """Whether this process may drain this target, of so many, for as long as the block lasts.

    One may that comes first. Another one may if it ``is_helper``, as long as a process is left over.
    """
    own = _HELPERS_AT_MOST + zlib.crc32(name.encode())
    with _one_of(_left_over(targets) if is_helper else (own,)) as may:
        yield may


@contextmanager
def slot_to_push(name: str, *, targets: int) -> Iterator[bool]:
    """Whether this process may push a record to this target, of so many, for as long as the block lasts.

    One may at a time, and as many more as processes are left over.
    """
    own = _FIRST_TO_PUSH + zlib.crc32(name.encode())
    with _one_of((own, *_left_over(targets))) as may:
        yield may


def _left_over(targets: int) -> range:
    return range(min(max(_processes - needed(targets), 0), _HELPERS_AT_MOST))


@contextmanager
def _one_of(places: Iterable[int]) -> Iterator[bool]:
    """Hold the first of these bytes that nobody holds, if there is one."""
    for byte in places:
        try:
            fcntl.lockf(_locks, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, byte)
        except OSError:
            continue
        try:
            yield True
        finally:
            fcntl.lockf(_locks, fcntl.LOCK_UN, 1, byte)
        return
    yield False
