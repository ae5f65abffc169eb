"""What was received and what took effect, in one order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from thirdparty.sandbox.journal import encode

_RESERVED = b"null"


class Ledger:
    """Entries numbered by ``seq`` from 1, kept encoded: 100,000 requests must neither fill the memory nor the GC.

    A request's entry is put when it arrives and again, under the same ``seq``, once it is answered.
    """

    def __init__(self) -> None:
        self._entries: list[bytes] = []
        self._blamed: set[int] = set()
        self.requests: Counter[str] = Counter()
        self.effects: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()

    @property
    def last(self) -> int:
        """The newest ``seq``; 0 while there is none."""
        return len(self._entries)

    def reserve(self) -> int:
        """The next ``seq``, to be put within the same step."""
        self._entries.append(_RESERVED)
        return len(self._entries)

    def put(self, entry: Mapping[str, Any]) -> bytes:
        """Set the entry of a reserved ``entry["seq"]``, or replace it, and return it encoded."""
        seq, encoded = entry["seq"], encode(entry)
        if self._entries[seq - 1] is _RESERVED:
            if entry["kind"] == "request":
                self.requests[entry["call"] or "other"] += 1
            else:
                self.effects[entry["effect"]] += 1
        self._entries[seq - 1] = encoded
        fault = entry.get("fault")
        if fault and seq not in self._blamed:
            self._blamed.add(seq)
            self.faults[fault] += 1
        return encoded

    def restore(self, entry: Mapping[str, Any]) -> bool:
        """Put an entry read from the journal; False when it replaced an earlier one."""
        while self.last < entry["seq"]:
            self.reserve()
        new = self._entries[entry["seq"] - 1] is _RESERVED
        self.put(entry)
        return new

    def after(self, seq: int, *, limit: int | None = None) -> bytes:
        """The entries after ``seq`` as a JSON array, oldest first; only the newest ``limit`` of them if given."""
        first = max(seq, self.last - limit if limit is not None else 0, 0)
        return b"[" + b",".join(self._entries[first:]) + b"]"
