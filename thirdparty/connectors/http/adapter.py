"""The `requests` adapter of one target: its way there, its kept connections and its TLS context."""

from __future__ import annotations

import re
import ssl
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import certifi
from django.core.exceptions import ImproperlyConfigured
from requests import PreparedRequest, Response
from requests.adapters import BaseAdapter
from requests.utils import requote_uri
from urllib3.util.ssl_ import create_urllib3_context

from thirdparty.connectors.http.connection import Connections, Way
from thirdparty.connectors.http.content_coding import undone
from thirdparty.connectors.http.deadline import DeadlineTLSSocket

if TYPE_CHECKING:
    from thirdparty.connectors.config import TargetConfig
    from thirdparty.connectors.http.keep_alive import KeepAlive
    from thirdparty.connectors.http.proxy import Proxy

DEFAULT_PORTS = {"http": 80, "https": 443}
_TARGET = re.compile(r"[\x21-\x7e]+")
# No line of a head ends within a name or a value.
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_BREAK = re.compile(r"[\r\n\0]")


class TargetAdapter(BaseAdapter):
    """Sends each request once and reads the whole answer, over deadline sockets. Retries and follows nothing.

    Works only inside a `thirdparty.connectors.http.deadline.Call`. Not to be used across a fork.
    """

    def __init__(self, base_url: str, tls: ssl.SSLContext | None, keep_alive: KeepAlive, proxy: Proxy | None) -> None:
        super().__init__()
        parts = urlsplit(base_url)
        host, port = parts.hostname or "", parts.port or DEFAULT_PORTS[parts.scheme]
        # Without TLS the proxy reads the request itself, and has to be told the whole address.
        by_whole_address = proxy is not None and tls is None
        self._origin_length = 0 if by_whole_address else len(f"{parts.scheme}://{parts.netloc}")
        name = f"[{host}]" if ":" in host else host
        self._host = name if port == DEFAULT_PORTS[parts.scheme] else f"{name}:{port}"
        self._connections = Connections(Way(host, port, tls, proxy), keep_alive)

    def send(self, request: PreparedRequest, *_args: Any, **_kwargs: Any) -> Response:
        """The answer, its body read and its content codings undone.

        Raises `OSError` for whatever the network does, `NotHTTP` and `TooLarge` (`thirdparty.connectors.http.answer_parser`), and `ValueError` for a request that cannot be written down.
        """
        answer = self._connections.exchange(str(request.method), self._written(request))
        response = Response()
        response.status_code, response.headers, response.request = answer.status, answer.headers, request  # type: ignore[assignment]  # a mapping that costs less
        response._content = undone(answer.body, answer.headers)
        return response

    def close(self) -> None:
        """Close idle connections; those in use close when they come back."""
        self._connections.close()

    def _written(self, request: PreparedRequest) -> bytes:
        """Head and body together: apart, they are two system calls here and two wake-ups there."""
        target = str(request.url)[self._origin_length :] or "/"
        if not _TARGET.fullmatch(target):
            target = requote_uri(target)
        lines = [f"{request.method} {target} HTTP/1.1", f"Host: {self._host}"]
        for name, value in request.headers.items():
            if not _NAME.fullmatch(name) or _BREAK.search(value):
                raise ValueError(f"the header {name!r} cannot be sent")
            lines.append(f"{name}: {value}")
        head = "\r\n".join([*lines, "\r\n"]).encode("latin-1")
        return head + request.body if isinstance(request.body, bytes) else head


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
