"""Ports of 127.0.0.1 that nobody else takes between choosing and using."""

from __future__ import annotations

import random
import socket

HOST = "127.0.0.1"
_BELOW_EPHEMERAL = range(15_000, 30_000)
"""Outgoing connections never get these, so a server that was killed can come back to its port."""


class Port:
    """A port that is held by listening on it until `release`, just before its server starts."""

    def __init__(self, preferred: int | None = None) -> None:
        self._socket: socket.socket | None = None
        candidates = [preferred] if preferred is not None else []
        candidates += random.sample(_BELOW_EPHEMERAL, 100)
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


def _held(number: int) -> socket.socket | None:
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
