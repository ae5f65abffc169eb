"""The append-only file that lets the sandbox survive its own kill -9."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

_ENCODE = json.JSONEncoder(separators=(",", ":")).encode


def encode(value: object) -> bytes:
    """Compact JSON in plain ASCII, so that no text a client sends (a lone surrogate, say) can break a line."""
    return _ENCODE(value).encode("ascii")


class JournalError(Exception):
    """The file cannot be used; the message says why."""


class Journal:
    """Lines of JSON arrays of events. One line is one step: after a crash all of its events are there, or none.

    With no path nothing is kept. Raises `JournalError` when another process uses the file.
    """

    def __init__(self, path: Path | None) -> None:
        self._file: int | None = None
        if path is None:
            return
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._file)
            raise JournalError(f"{path} is in use by another sandbox") from None

    def replay(self) -> Iterator[dict[str, Any]]:
        """Every event written so far. A cut last line, left by a kill, is removed; `JournalError` for any other."""
        if self._file is None:
            return
        whole = 0
        with os.fdopen(os.dup(self._file), "rb") as lines:
            for number, line in enumerate(lines, 1):
                if not line.endswith(b"\n"):
                    break
                try:
                    events = json.loads(line)
                except ValueError:
                    raise JournalError(f"line {number} of the state file is damaged") from None
                whole += len(line)
                yield from events
        os.ftruncate(self._file, whole)

    def append(self, events: Sequence[bytes]) -> None:
        """Write one step of encoded events. No fsync: what the kernel has survives a kill of the process."""
        if self._file is None:
            return
        line = b"[" + b",".join(events) + b"]\n"
        if os.write(self._file, line) != len(line):
            raise JournalError("the state file could not be written: is the disk full?")

    def clear(self) -> None:
        """Forget everything."""
        if self._file is not None:
            os.ftruncate(self._file, 0)

    def close(self) -> None:
        """Release the file for another process."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
