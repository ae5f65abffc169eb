"""Kills the process groups of a parent that is gone, however it went.

Run as a script with a pipe of the parent's as stdin. Each line holds a group under the leash (``+1234``)
or lets it go (``-1234``). The pipe ends with the parent, kill -9 included; then every group still held is
killed. A parent-death signal would do for Linux only, and would miss the children's own children.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterable
from contextlib import suppress


def groups_left(lines: Iterable[str]) -> set[int]:
    """The groups still held when the lines end."""
    held: set[int] = set()
    for line in lines:
        group = int(line[1:])
        if line.startswith("+"):
            held.add(group)
        else:
            held.discard(group)
    return held


if __name__ == "__main__":
    for left in groups_left(sys.stdin):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(left, signal.SIGKILL)
