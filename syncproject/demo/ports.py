"""Ports of 127.0.0.1 that nobody else takes between choosing and using."""

from __future__ import annotations

import fcntl
import os
import random
import socket
import tempfile
from pathlib import Path

HOST = "127.0.0.1"
_BELOW_EPHEMERAL = range(15_000, 30_000)
"""Outgoing connections never get these, so a server that was killed can come back to its port."""


_RESERVED: dict[int, int] = {}
"""By port, the descriptor of the file that is locked for it: until the process ends."""


class Port:
    """A port that is held by listening on it until `release`, just before its server starts.

    No other process gets it here for as long as this one lives: a server that was killed is away from its port for a while.
    """

    def __init__(self, preferred: int | None = None) -> None:
        self._socket: socket.socket | None = None
        candidates = [preferred] if preferred is not None else []
        candidates += [number for number in random.sample(_BELOW_EPHEMERAL, 100) if number not in _RESERVED]
        for number in candidates:
            held = _held(number)
            if held is not None:
                self.number, self._socket = number, held
                return
        raise OSError("no free port found on 127.0.0.1")

    def release(self) -> int:
        """Let the port go, for good, and return its number."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        return self.number


def _is_reserved(number: int) -> bool:
    """Whether it is this process's from now on; told to others by a lock that ends with the process."""
    if number in _RESERVED:
        return True
    folder = Path(tempfile.gettempdir()) / f"usersync-ports-{os.getuid()}"
    folder.mkdir(exist_ok=True)
    told = os.open(folder / str(number), os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        fcntl.flock(told, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(told)
        return False
    _RESERVED[number] = told
    return True


def _held(number: int) -> socket.socket | None:
    if not _is_reserved(number):
        return None
    held = socket.socket()
    # A predecessor's connections that linger in TIME_WAIT do not count: servers set this as well.
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        held.bind((HOST, number))
        held.listen(1)
    except OSError:
        held.close()
        return None
    return held
