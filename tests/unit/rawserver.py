"""A server of raw sockets that answers, or misbehaves, exactly as a test says."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator

GOES_ON_SECONDS = 60.0

Behaviour = Callable[["RawServer", socket.socket], None]


class RawServer:
    """Listens on 127.0.0.1; every accepted connection gets its own thread running ``behaviour``."""

    def __init__(self, behaviour: Behaviour, tls: ssl.SSLContext | None = None) -> None:
        self.behaviour = behaviour
        self.tls = tls
        self.requests: list[bytes] = []
        self.connections = 0
        self.open: list[socket.socket] = []
        self.reached_its_end = False
        self.stopped = threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    def run(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            self.open.append(connection)
            threading.Thread(target=self.attend, args=(connection,), daemon=True).start()

    def attend(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            if self.tls is None:
                self.behaviour(self, connection)
            else:
                self.attend_over_tls(connection, self.tls)

    def attend_over_tls(self, connection: socket.socket, tls: ssl.SSLContext) -> None:
        with connection.dup() as spare:
            try:
                with tls.wrap_socket(connection, server_side=True) as secured:
                    self.behaviour(self, secured)
            except ssl.SSLError:
                # Closed at once, the connection might be reset before the alert that says why is read.
                while spare.recv(65536):
                    pass

    def read_request(self, connection: socket.socket) -> bytes:
        """One whole request with a Content-Length; empty when the client closed instead."""
        received, whole = b"", None
        while whole is None or len(received) < whole:
            piece = connection.recv(65536)
            if not piece:
                return b""
            received += piece
            head, end, _ = received.partition(b"\r\n\r\n")
            if end and whole is None:
                length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
                whole = len(head) + len(end) + length
        self.requests.append(received)
        return received

    def drip(self, connection: socket.socket, octets: Iterator[bytes]) -> None:
        """Send a piece every 20 ms for a minute, unless the client leaves or the test ends."""
        for _ in range(int(GOES_ON_SECONDS / 0.02)):
            connection.sendall(next(octets))
            if self.stopped.wait(0.02):
                return
        self.reached_its_end = True

    def cut_all(self) -> None:
        """End every connection, as a restart does."""
        while self.open:
            with contextlib.suppress(OSError):
                self.open.pop().shutdown(socket.SHUT_RDWR)

    def hold(self) -> None:
        """Do nothing for a minute, or until the test ends."""
        self.reached_its_end = not self.stopped.wait(GOES_ON_SECONDS)


@contextlib.contextmanager
def serving(behaviour: Behaviour, tls: ssl.SSLContext | None = None) -> Iterator[RawServer]:
    server = RawServer(behaviour, tls)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.stopped.set()
        # Closing alone would not wake the thread out of accept().
        with contextlib.suppress(OSError):
            server.listener.shutdown(socket.SHUT_RDWR)
        server.listener.close()
        thread.join()


def answers(response: bytes) -> Behaviour:
    """Give this answer to every request, on as few connections as the client likes."""

    def behaviour(server: RawServer, connection: socket.socket) -> None:
        while server.read_request(connection):
            connection.sendall(response)

    return behaviour


def http(status: int = 200, body: bytes = b"", *headers: str) -> bytes:
    """A well-formed response."""
    lines = [f"HTTP/1.1 {status} Any", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def http_json(value: object, status: int = 200, *headers: str) -> bytes:
    return http(status, json.dumps(value).encode(), "Content-Type: application/json", *headers)


def reset(connection: socket.socket) -> None:
    """Close so that the client gets an RST."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
