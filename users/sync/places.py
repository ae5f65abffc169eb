"""Places to drain a target with a rate, fewer than a worker has processes: people's edits find one free."""

from __future__ import annotations

import fcntl
import os
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

# Made before the worker forks, so that its processes share it. The kernel takes a dead process's locks away.
_locks = tempfile.TemporaryFile()  # noqa: SIM115  # open for as long as the process lives
_MOST = 1_024
"""So many places lie side by side in the file for each name; a worker has hardly more processes."""
_processes = 1


def divide_among(processes: object) -> None:
    """Say, before it forks, how many processes the worker has; Celery's ``auto`` is taken for the number of cores."""
    global _processes  # noqa: PLW0603  # set once, before the fork hands it to every process
    _processes = processes if isinstance(processes, int) else os.cpu_count() or 1


@contextmanager
def place(name: str) -> Iterator[int | None]:
    """The first free place of this name among this worker's processes, from 0, for as long as it is held; None: all are taken."""
    first = _MOST * zlib.crc32(name.encode())
    for nth in range(min(max(_processes - 1, 1), _MOST)):
        try:
            fcntl.lockf(_locks, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, first + nth)
        except OSError:
            continue
        try:
            yield nth
        finally:
            fcntl.lockf(_locks, fcntl.LOCK_UN, 1, first + nth)
        return
    yield None
