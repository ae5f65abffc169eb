"""Lets writers pass, or nobody."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Gate:
    """Open for any number who pass through it; closed by one who waits until all of them are through, but not for long:
    while they wait, nobody else gets in either.
    """

    def __init__(self) -> None:
        self._moved = threading.Condition()
        self._inside = 0
        self._closed = False

    @contextmanager
    def passing(self) -> Iterator[None]:
        """Wait while it is closed."""
        with self._moved:
            self._moved.wait_for(lambda: not self._closed)
            self._inside += 1
        try:
            yield
        finally:
            with self._moved:
                self._inside -= 1
                self._moved.notify_all()

    @contextmanager
    def closed(self, *, within_seconds: float) -> Iterator[None]:
        """Nobody is inside, and nobody gets in. Raises `TimeoutError` where somebody stays inside for too long."""
        with self._moved:
            self._moved.wait_for(lambda: not self._closed)
            self._closed = True
        try:
            with self._moved:
                if not self._moved.wait_for(lambda: not self._inside, timeout=within_seconds):
                    raise TimeoutError("somebody stays inside")
            yield
        finally:
            with self._moved:
                self._closed = False
                self._moved.notify_all()
