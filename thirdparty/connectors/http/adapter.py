"""The `requests` adapter of one target: its pool of connections and its TLS context."""

from __future__ import annotations

import http.client
import ssl
from http import HTTPStatus
from time import monotonic
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import certifi
from django.core.exceptions import ImproperlyConfigured
from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import NewConnectionError
from urllib3.util.ssl_ import create_urllib3_context

from thirdparty.connectors.http.deadline import DeadlineSocket, DeadlineTLSSocket, connect, current_call
from thirdparty.connectors.http.keep_alive import KeepAlive

if TYPE_CHECKING:
    from thirdparty.connectors.config import TargetConfig
    from thirdparty.connectors.http.proxy import Proxy

# Common servers close a connection that was idle for 5 s; a request that crosses such a close has an unknown outcome.
MAX_IDLE_SECONDS = 4.0
# Idle connections that are kept: as many as threads ever called at once, hardly more than this.
POOL_SIZE = 256
# As many as http.client bears header lines: nobody who means well sends more.
MAX_INTERIM_ANSWERS = 100


class TargetAdapter(HTTPAdapter):
    """Sends everything through one pool of deadline sockets; retries nothing (the default of `requests`).

    Works only inside a `thirdparty.connectors.http.deadline.Call`. Not to be used across a fork.
    """

    def __init__(self, base_url: str, tls: ssl.SSLContext | None, keep_alive: KeepAlive, proxy: Proxy | None) -> None:
        super().__init__()
        parts = urlsplit(base_url)
        # Without TLS the proxy reads the request itself, and has to be told the whole address.
        self._by_whole_address = proxy is not None and tls is None
        self._origin_length = 0 if self._by_whole_address else len(f"{parts.scheme}://{parts.netloc}")
        host = parts.hostname or ""
        shared: dict[str, Any] = {"maxsize": POOL_SIZE, "keep_alive": keep_alive, "via": proxy}
        self._pool = (
            _TLSPool(host, parts.port, ssl_context=tls, **shared) if tls else _Pool(host, parts.port, **shared)
        )

    def get_connection_with_tls_context(self, *_args: Any, **_kwargs: Any) -> HTTPConnectionPool:
        """Return the one pool; `requests` would look it up by URL and TLS options each time."""
        return self._pool

    def cert_verify(self, *_args: Any, **_kwargs: Any) -> None:
        """Set nothing: `requests` would add its own bundle to the trusted ones, for every connection anew."""

    def request_url(self, request: PreparedRequest, _proxies: Any) -> str:
        """Return path and query, or all of it to a proxy; `requests` would first look for one in the environment."""
        return str(request.url)[self._origin_length :]

    def build_response(self, _request: PreparedRequest, answer: Any) -> Response:
        """Hand on status, headers and body; `requests` would look for cookies and guess at an encoding as well."""
        response = Response()
        response.status_code, response.headers, response.raw = answer.status, answer.headers, answer
        return response

    def close(self) -> None:
        """Close idle connections; those in use close when they come back."""
        self._pool.close()


def tls_context(config: TargetConfig) -> ssl.SSLContext:
    """Trust ``config.ca_bundle`` and nothing else where it is set, the certifi bundle otherwise.

    Raises `ImproperlyConfigured` when the bundle or the client certificate cannot be used.
    """
    context = create_urllib3_context()
    context.sslsocket_class = DeadlineTLSSocket
    prefix = f"TARGET_{config.name.upper()}_"
    try:
        context.load_verify_locations(config.ca_bundle or certifi.where())
    except OSError as error:
        raise ImproperlyConfigured(f"{prefix}CA_BUNDLE holds no usable certificates (PEM): {error}") from error
    if config.client_cert:
        try:
            # A password of our own keeps OpenSSL from asking for one at the terminal.
            context.load_cert_chain(config.client_cert, password="")
        except OSError as error:
            raise ImproperlyConfigured(
                f"{prefix}CLIENT_CERT must hold a certificate and its unencrypted key (PEM): {error}"
            ) from error
    return context


class _Answer(http.client.HTTPResponse):
    """An answer that begins with the final status: interim ones (RFC 9110, section 15.2) are read and forgotten."""

    def _read_status(self) -> tuple[str, int, str]:
        for _ in range(MAX_INTERIM_ANSWERS):
            read: tuple[str, int, str] = super()._read_status()  # type: ignore[misc]  # not in the stubs
            status = read[1]
            # Nobody asked for another protocol: what follows a 101 is no HTTP.
            if status >= HTTPStatus.OK or status == HTTPStatus.SWITCHING_PROTOCOLS:
                return read
            http.client.parse_headers(self.fp)
        raise http.client.HTTPException("too many interim answers")


class _Connection(HTTPConnection):
    """A connection over a `DeadlineSocket`, not used again after a long idle time, nor where none are kept."""

    sock: DeadlineSocket
    response_class = _Answer
    _held: list[bytes] | None = None
    _answers = 0

    def __init__(self, *args: Any, keep_alive: KeepAlive, via: Proxy | None, **options: Any) -> None:
        super().__init__(*args, **options)
        self._keep_alive = keep_alive
        self._via = via

    def request(self, *args: Any, **options: Any) -> None:
        """Send head and body together: apart, they are two system calls here and two wake-ups there."""
        current_call().reused = self._answers > 0
        held: list[bytes] = []
        self._held = held
        try:
            super().request(*args, **options)
        finally:
            self._held = None
        self.send(b"".join(held))

    def send(self, data: Any) -> None:
        if self._held is None:
            super().send(data)
        else:
            self._held.append(data)

    def getresponse(self) -> Any:
        """Return the answer, its body unread; count what came of keeping the connection."""
        answers_so_far = self._answers
        try:
            answer = super().getresponse()
        except ConnectionError:
            if answers_so_far == 1 and not current_call().heard:
                self._keep_alive.ended_after_one_answer()
            raise
        self._answers = answers_so_far + 1
        if self._answers > 1:
            self._keep_alive.served_again()
        return answer

    def close(self) -> None:
        super().close()
        self._answers = 0

    def _new_conn(self) -> DeadlineSocket:
        try:
            if self._via is None:
                return connect(self._dns_host, self.port)
            if isinstance(self, HTTPSConnection):
                return self._via.tunnel(self._dns_host, self.port)
            return connect(self._via.host, self._via.port)
        except (OSError, UnicodeError) as error:
            # Unwrapped, a reset would pass for one in the middle of a request, after which an answer may still be read.
            raise NewConnectionError(self, "no connection") from error

    @property
    def is_connected(self) -> bool:
        """Whether the connection may be used again; the pool asks before it hands a kept one out."""
        if current_call().fresh or not self._keep_alive.allowed or self.sock is None:
            return False
        if monotonic() - self.sock.used_at >= MAX_IDLE_SECONDS:
            return False
        # Whatever can be read of an idle connection is its end, or an answer that nobody asked for.
        if super().is_connected:
            return True
        if self._answers == 1:
            self._keep_alive.ended_after_one_answer()
        return False


class _TLSConnection(_Connection, HTTPSConnection):
    """The same over TLS."""


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TLSPool(HTTPSConnectionPool):
    ConnectionCls = _TLSConnection
