"""One client connection: reads requests, hands them over one at a time, writes what it is told to."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections import deque
from collections.abc import Iterator
from typing import Protocol, cast

import httptools

from thirdparty.sandbox.wire import MAX_BODY_BYTES, Request, error

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_QUEUE_LIMIT = 16


class Host(Protocol):
    """Who the connection belongs to."""

    def opened(self, connection: Connection) -> None:
        """It was accepted."""

    def closed(self, connection: Connection) -> None:
        """It is gone, whoever ended it."""

    def serve(self, connection: Connection, request: Request) -> None:
        """A request is complete. The next one comes after `Connection.send`, `Connection.stream` or an end."""


class Connection(asyncio.Protocol):
    """Keep-alive and safe for pipelining: answers leave in the order of the requests.

    ``refused``: business requests on it are reset. ``in_business``: the request in hand, or the last, is one of them.
    """

    def __init__(self, host: Host, *, control_only: bool = False) -> None:
        self._host = host
        self.control_only = control_only
        self._parser = httptools.HttpRequestParser(self)
        self._queue: deque[Request] = deque()
        self._request = Request()
        self._url = b""
        self._chunks: list[bytes] = []
        self._size = 0
        self._keep_alive = True
        self._stream: tuple[Iterator[bytes], float] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._writable = True
        self._dying = False
        self.busy = False
        self.refused = False
        self.in_business = False
        self.lost = False
        self.transport: asyncio.Transport

    def send(self, answer: bytes, *, closes: str | None = None) -> None:
        """Write the answer to the request in hand and go on to the next; ``closes``: see `Manner`."""
        if self.lost:
            return
        self.transport.write(answer)
        if closes == "at_next_request":
            self._dying = True
        elif closes:
            self._keep_alive = False
        self._finish()

    def stream(self, pieces: Iterator[bytes], *, pause_seconds: float) -> None:
        """Write the answer piece by piece, each after a pause and no faster than the client reads."""
        self._stream = (pieces, pause_seconds)
        self._pump()

    def cut(self, part: bytes = b"") -> None:
        """Close after a part of an answer, or after nothing."""
        if not self.lost:
            self.transport.write(part)
            self.transport.close()

    def reset(self) -> None:
        """Close at once with a TCP reset, as if nobody had listened."""
        if not self.lost:
            client: socket.socket = self.transport.get_extra_info("socket")
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            self.transport.abort()

    def retire(self) -> None:
        """Take no further request: reset, or close once the request in hand is answered."""
        if self.busy:
            self._keep_alive = False
        else:
            self.reset()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        self.transport = cast("asyncio.Transport", transport)  # what a stream server makes
        self._host.opened(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """See `asyncio.Protocol`."""
        self.lost = True
        self._queue.clear()
        if self._timer:
            self._timer.cancel()
        self._host.closed(self)

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        if self._dying:
            self.transport.close()
        if self._dying or not self._keep_alive:
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self.cut(error(400, "this is not HTTP", headers="Connection: close\r\n"))
            return
        self._advance()
        if len(self._queue) > _QUEUE_LIMIT:
            self.transport.pause_reading()

    def pause_writing(self) -> None:
        """See `asyncio.Protocol`."""
        self._writable = False

    def resume_writing(self) -> None:
        """See `asyncio.Protocol`."""
        self._writable = True
        if self._stream and not self._timer:
            self._pump()

    def on_message_begin(self) -> None:
        """See `httptools.HttpRequestParser`, as for all that follow."""
        self._request = Request()
        self._url = b""
        self._chunks = []
        self._size = 0

    def on_url(self, url: bytes) -> None:
        """A part of the URL."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header."""
        match name.lower():
            case b"authtoken":
                self._request.token = value.decode("latin-1")
            case b"content-type":
                self._request.content_type = value.decode("latin-1")
            case b"idempotency-key":
                self._request.idempotency_key = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        """A part of the body; what exceeds the limit is read and forgotten, so that the answer can be read."""
        self._size += len(body)
        if self._size > MAX_BODY_BYTES:
            self._request.too_large = True
            self._chunks.clear()
        else:
            self._chunks.append(body)

    def on_message_complete(self) -> None:
        """The end of a request."""
        request = self._request
        request.method = self._parser.get_method().decode("latin-1")
        path, _, request.query = self._url.decode("latin-1").partition("?")
        request.path = path
        request.body = b"".join(self._chunks)
        request.keep_alive = self._parser.should_keep_alive()
        self._queue.append(request)

    def _advance(self) -> None:
        if self._queue and not self.busy:
            self.busy = True
            request = self._queue.popleft()
            self._keep_alive = request.keep_alive
            self._host.serve(self, request)

    def _finish(self) -> None:
        self.busy = False
        if not self._keep_alive:
            self.transport.close()
        elif self._queue:
            asyncio.get_running_loop().call_soon(self._advance)
        else:
            self.transport.resume_reading()

    def _pump(self) -> None:
        self._timer = None
        if self.lost or not self._stream:
            return
        pieces, pause_seconds = self._stream
        piece = next(pieces, None)
        if piece is None:
            self._stream = None
            self._finish()
            return
        self.transport.write(piece)
        if self._writable:
            self._timer = asyncio.get_running_loop().call_later(pause_seconds, self._pump)
