"""A time in which nobody is struck and no third party changes its mood."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Truce:
    """Kept for as long as anybody asks for it. Safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asked = 0

    @property
    def is_kept(self) -> bool:
        return self._asked > 0

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Whoever is frozen already is thawed, and whoever is down comes back, in their time."""
        with self._lock:
            self._asked += 1
        try:
            yield
        finally:
            with self._lock:
                self._asked -= 1
