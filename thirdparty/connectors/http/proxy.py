"""The forward proxy of a target: through a tunnel (CONNECT) where the target speaks TLS, by whole address where not."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from http import HTTPStatus

from thirdparty.connectors.http.deadline import DeadlineSocket, connect, current_call

_MAX_HEAD_BYTES = 16 * 1024
_STATUS = re.compile(rb"HTTP/1\.[01] ([1-5]\d\d)[ \r\n]")


class TunnelRefused(OSError):
    """The proxy gave no tunnel. ``status`` is what it answered, None where that was no HTTP."""

    def __init__(self, status: int | None) -> None:
        super().__init__(f"the proxy answered CONNECT with {f'HTTP {status}' if status else 'no HTTP'}")
        self.status = status


@dataclass(frozen=True, slots=True)
class Proxy:
    """Where a proxy listens. ``credentials`` (``user:password``) are shown to it and to nobody else."""

    host: str
    port: int
    credentials: str = field(default="", repr=False)

    @property
    def headers(self) -> dict[str, str]:
        """What a request to the proxy itself carries."""
        if not self.credentials:
            return {}
        return {"Proxy-Authorization": "Basic " + base64.b64encode(self.credentials.encode()).decode()}

    def tunnel(self, host: str, port: int) -> DeadlineSocket:
        """Open a connection to this host through the proxy. Of the request itself nothing has left then.

        Raises `TunnelRefused`, and `OSError` as `thirdparty.connectors.http.deadline.connect` does.
        """
        sock = connect(self.host, self.port)
        try:
            self._ask(sock, f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
        except BaseException:
            sock.close()
            raise
        finally:
            current_call().sent = False
        return sock

    def _ask(self, sock: DeadlineSocket, authority: str) -> None:
        lines = [f"CONNECT {authority} HTTP/1.1", f"Host: {authority}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        sock.sendall("\r\n".join([*lines, "", ""]).encode("ascii"))
        while True:
            status = _status(_head(sock))
            if status is None or status >= HTTPStatus.MULTIPLE_CHOICES or status == HTTPStatus.SWITCHING_PROTOCOLS:
                raise TunnelRefused(status)
            if status >= HTTPStatus.OK:
                return


def _head(sock: DeadlineSocket) -> bytes:
    """Read the head of one answer and not a byte of what follows: that belongs to the target."""
    head = bytearray()
    while not head.endswith(b"\r\n\r\n") and len(head) < _MAX_HEAD_BYTES:
        octet = sock.recv(1)
        if not octet:
            raise ConnectionResetError("the proxy ended the connection")
        head += octet
    return bytes(head)


def _status(head: bytes) -> int | None:
    match = _STATUS.match(head)
    return int(match[1]) if match and head.endswith(b"\r\n\r\n") else None
