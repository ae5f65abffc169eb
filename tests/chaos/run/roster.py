"""Which targets the application has been told of, and since when."""

from __future__ import annotations

import threading
import time

_LONGEST_TRANSACTION_SECONDS = 60.0
"""Whoever writes in a transaction that began before a target was named cannot owe it anything in there."""


class Roster:
    """Safe for threads. A target that left counts as known, unless it is retired: what it misses is owed to it."""

    def __init__(self, names: list[str]) -> None:
        self._lock = threading.Lock()
        self._since = dict.fromkeys(names, float("-inf"))
        self._present = set(names)
        self._steady = set(names)

    def name(self, names: list[str]) -> None:
        """From now on these are in use, and no others."""
        with self._lock:
            for name in names:
                self._since.setdefault(name, time.monotonic())
            self._steady &= set(names)
            self._present = set(names)

    def retire(self, name: str) -> None:
        """Nothing is owed to it from now on; named again, it is a new one."""
        with self._lock:
            self._since.pop(name, None)

    def owed(self) -> set[str]:
        """Targets to which every change is owed in its own transaction."""
        before = time.monotonic() - _LONGEST_TRANSACTION_SECONDS
        with self._lock:
            return {name for name, since in self._since.items() if since < before}

    def present(self) -> set[str]:
        """Targets that are in use."""
        with self._lock:
            return set(self._present)

    def steady(self) -> set[str]:
        """Targets that have been in use from the first moment on."""
        with self._lock:
            return set(self._steady)
