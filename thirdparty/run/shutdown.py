"""Whether this worker has been asked to end; what runs for long looks here between two records."""

from __future__ import annotations

import mmap

# Shared memory: the signal reaches the worker's main process, the work is in its forked children.
_begun = mmap.mmap(-1, 1)


def begin() -> None:
    """Ask everything in this worker, children included, to begin nothing more."""
    _begun[0] = 1


def begun() -> bool:
    return bool(_begun[0])
