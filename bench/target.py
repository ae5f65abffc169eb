"""A third party that costs next to nothing, so that it is not what is measured. ``python -m bench.target --port N --latency S``.

Business calls are answered, after the latency, with ``ok`` and a new id. ``GET /seen`` tells how many came and when
each user's last one did; ``POST /forget`` begins anew. Times are unix seconds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import time
from functools import partial
from itertools import count

import uvloop

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_OWNER = re.compile(rb'"externalId": ?"([0-9a-f-]+)"')


class Target:
    """What has come so far."""

    def __init__(self) -> None:
        self._ids = count(1)
        self.forget()

    def forget(self) -> dict[str, object]:
        self._count = 0
        self._first = self._last = 0.0
        self._at: dict[str, float] = {}
        return {}

    def seen(self) -> dict[str, object]:
        return {"count": self._count, "first": self._first, "last": self._last, "at": self._at}

    def answer(self, body: bytes) -> dict[str, object]:
        self._last = time.time()
        self._first = self._first or self._last
        self._count += 1
        owner = _OWNER.search(body)
        if owner:
            self._at[owner[1].decode()] = self._last
        return {"status": "ok", "data": f"r{next(self._ids)}", "message": ""}


class Connection(asyncio.Protocol):
    """One keep-alive connection; no pipelining, as no client here does it."""

    def __init__(self, target: Target, latency_seconds: float) -> None:
        self._target = target
        self._latency_seconds = latency_seconds
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if not end or len(body) < int(length[1] if length else 0):
            return
        self._received = b""
        control = {b"GET /seen": self._target.seen, b"POST /forget": self._target.forget}.get(
            b" ".join(head.split(b" ", 2)[:2])
        )
        if control is not None:
            self._send(control())
        elif self._latency_seconds:
            asyncio.get_running_loop().call_later(self._latency_seconds, self._send_answer, body)
        else:
            self._send_answer(body)

    def _send_answer(self, body: bytes) -> None:
        self._send(self._target.answer(body))

    def _send(self, answer: dict[str, object]) -> None:
        if self._transport.is_closing():
            return
        body = json.dumps(answer).encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        self._transport.write(head.encode() + body)


async def serve(port: int, latency_seconds: float) -> None:
    connection = partial(Connection, Target(), latency_seconds)
    server = await asyncio.get_running_loop().create_server(connection, "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--latency", type=float, required=True, help="seconds")
    given = parser.parse_args()
    uvloop.run(serve(given.port, given.latency))
