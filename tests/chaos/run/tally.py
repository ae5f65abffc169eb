"""What was done and what was found, counted by several threads."""

from __future__ import annotations

import threading
import traceback
from collections import Counter, defaultdict

_KEPT = 10
_OWN_FAULTS = (AttributeError, NameError, TypeError)
"""What chaos cannot bring about: the run itself is wrong, and does less than it says."""


class Tally:
    """``operations`` and ``rows`` by way of writing, ``failures`` by way and error; the first few in full.

    ``complaints``: what was seen broken on the way, by invariant.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.operations: Counter[str] = Counter()
        self.rows: Counter[str] = Counter()
        self.failures: Counter[str] = Counter()
        self.first_failures: dict[str, str] = {}
        self.complaints: dict[str, list[str]] = defaultdict(list)
        self.owed_checks = 0

    def wrote(self, way: str, rows: int) -> None:
        with self._lock:
            self.operations[way] += 1
            self.rows[way] += rows

    def failed(self, way: str, error: Exception) -> None:
        """A write that did not come about, or nobody knows: no promise is broken by that. A fault of the run's own is a complaint."""
        what = f"{way}: {type(error).__name__}"
        with self._lock:
            if isinstance(error, _OWN_FAULTS):
                self.complaints["run"].append(f"{what}: {error}")
            self.failures[what] += 1
            if what not in self.first_failures and len(self.first_failures) < _KEPT:
                self.first_failures[what] = "".join(traceback.format_exception(error)[-3:])

    def checked_owed(self, complaints: list[str]) -> None:
        """The outcome of looking, within a write's own transaction, whether it is owed (I1)."""
        with self._lock:
            self.owed_checks += 1
            self.complaints["I1"] += complaints

    def complain(self, invariant: str, sentence: str) -> None:
        """An invariant is seen broken while the run goes on."""
        with self._lock:
            self.complaints[invariant].append(sentence)
