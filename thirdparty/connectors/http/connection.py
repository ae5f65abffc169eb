"""Kept connections to one target: a request goes out, its answer comes in."""

from __future__ import annotations

import ssl
import weakref
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING

from thirdparty.connectors.http.answer_parser import AnswerParser
from thirdparty.connectors.http.deadline import DeadlineSocket, connect, current_call, secured

if TYPE_CHECKING:
    from thirdparty.connectors.http.keep_alive import KeepAlive
    from thirdparty.connectors.http.proxy import Proxy

# Common servers close a connection that was idle for 5 s; a request that crosses such a close has an unknown outcome.
MAX_IDLE_SECONDS = 4.0
# Idle connections that are kept: as many as threads ever called at once, hardly more than this.
POOL_SIZE = 256


@dataclass(frozen=True, slots=True)
class Way:
    """How a target is reached. ``tls``: None where it speaks none."""

    host: str
    port: int
    tls: ssl.SSLContext | None
    proxy: Proxy | None

    def open(self) -> DeadlineSocket:
        """A new connection. Raises `OSError`."""
        if self.tls is None:
            near = self.proxy or self
            return connect(near.host, near.port)
        sock = self.proxy.tunnel(self.host, self.port) if self.proxy else connect(self.host, self.port)
        # A dot at the end is of the look-up, and in no certificate.
        return secured(sock, self.tls, self.host.rstrip("."))


class Connections:
    """Those that are kept, the last used first. Shared by threads, not across a fork. Works only inside a `Call`."""

    def __init__(self, way: Way, keep_alive: KeepAlive) -> None:
        self._way = way
        self._keep_alive = keep_alive
        self._idle: deque[_Connection] = deque()
        self._closed = False
        weakref.finalize(self, _close_all, self._idle)

    def exchange(self, method: str, request: bytes) -> AnswerParser:
        """Send these bytes once, on a kept connection or a new one, and read the whole answer.

        Raises `OSError`, `ssl.SSLError` among them, `NotHTTP` and `TooLarge`.
        """
        connection = self._kept() or _Connection(self._way.open(), self._keep_alive)
        try:
            answer = connection.exchange(method, request)
        except BaseException:
            connection.close()
            raise
        if answer.keep and self._keep_alive.allowed and not self._closed and len(self._idle) < POOL_SIZE:
            self._idle.append(connection)
        else:
            connection.close()
        return answer

    def close(self) -> None:
        """Close idle connections; those in use close when they come back."""
        self._closed = True
        _close_all(self._idle)

    def _kept(self) -> _Connection | None:
        if current_call().fresh:
            return None
        with suppress(IndexError):
            while True:
                connection = self._idle.pop()
                if self._keep_alive.allowed and connection.is_usable():
                    return connection
                connection.close()
        return None


def _close_all(idle: deque[_Connection]) -> None:
    with suppress(IndexError):
        while True:
            idle.pop().close()


class _Connection:
    def __init__(self, sock: DeadlineSocket, keep_alive: KeepAlive) -> None:
        self.sock = sock
        self._keep_alive = keep_alive
        self._answers = 0

    def exchange(self, method: str, request: bytes) -> AnswerParser:
        """Send, read, and count what came of keeping the connection."""
        call = current_call()
        call.reused = self._answers > 0
        try:
            self.send(request)
            answer = self.receive(method)
        except ConnectionError:
            if self._answers == 1 and not call.heard:
                self._keep_alive.ended_after_one_answer()
            raise
        self._answers += 1
        if self._answers > 1:
            self._keep_alive.served_again()
        return answer

    def send(self, request: bytes) -> None:
        """Send it all, or as much as the other side takes before it ends the connection: its answer may be there."""
        with suppress(BrokenPipeError, ConnectionResetError):
            self.sock.sendall(request)

    def receive(self, method: str) -> AnswerParser:
        """One whole answer."""
        answer = AnswerParser(method)
        while not answer.complete:
            received = self.sock.recv()
            if received:
                answer.feed(received)
            else:
                answer.end()
        return answer

    def is_usable(self) -> bool:
        """Whether it may be used again, by now."""
        if monotonic() - self.sock.used_at >= MAX_IDLE_SECONDS:
            return False
        # Whatever can be read of an idle connection is its end, or an answer that nobody asked for.
        if self.sock.is_idle:
            return True
        if self._answers == 1:
            self._keep_alive.ended_after_one_answer()
        return False

    def close(self) -> None:
        self.sock.close()
