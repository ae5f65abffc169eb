"""The `requests` adapter of one target: its pool of connections and its TLS context."""

from __future__ import annotations

import ssl
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

from thirdparty.deadline import DeadlineSocket, DeadlineTLSSocket, connect

if TYPE_CHECKING:
    from thirdparty.config import TargetConfig

# Common servers close a connection that was idle for 5 s; a request that crosses such a close has an unknown outcome.
MAX_IDLE_SECONDS = 4.0
# Idle connections that are kept: as many as threads ever called at once, hardly more than this.
POOL_SIZE = 256


class TargetAdapter(HTTPAdapter):
    """Sends everything through one pool of deadline sockets; retries nothing (the default of `requests`).

    Works only inside a `thirdparty.deadline.Call`. Not to be used across a fork.
    """

    def __init__(self, base_url: str, tls: ssl.SSLContext | None) -> None:
        super().__init__()
        parts = urlsplit(base_url)
        self._origin_length = len(f"{parts.scheme}://{parts.netloc}")
        host = parts.hostname or ""
        self._pool = (
            _TLSPool(host, parts.port, maxsize=POOL_SIZE, ssl_context=tls)
            if tls
            else _Pool(host, parts.port, maxsize=POOL_SIZE)
        )

    def get_connection_with_tls_context(self, *_args: Any, **_kwargs: Any) -> HTTPConnectionPool:
        """Return the one pool; `requests` would look it up by URL and TLS options each time."""
        return self._pool

    def cert_verify(self, *_args: Any, **_kwargs: Any) -> None:
        """Set nothing: `requests` would add its own bundle to the trusted ones, for every connection anew."""

    def request_url(self, request: PreparedRequest, _proxies: Any) -> str:
        """Return path and query; `requests` would first look for a proxy."""
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


class _Connection(HTTPConnection):
    """A connection over a `DeadlineSocket`, not used again after a long idle time."""

    sock: DeadlineSocket
    _held: list[bytes] | None = None

    def request(self, *args: Any, **options: Any) -> None:
        """Send head and body together: apart, they are two system calls here and two wake-ups there."""
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

    def _new_conn(self) -> DeadlineSocket:
        try:
            return connect(self._dns_host, self.port)
        except (OSError, UnicodeError) as error:
            # Unwrapped, a reset would pass for one in the middle of a request, after which an answer may still be read.
            raise NewConnectionError(self, "no connection") from error

    @property
    def is_connected(self) -> bool:
        return super().is_connected and monotonic() - self.sock.used_at < MAX_IDLE_SECONDS


class _TLSConnection(_Connection, HTTPSConnection):
    """The same over TLS."""


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TLSPool(HTTPSConnectionPool):
    ConnectionCls = _TLSConnection
