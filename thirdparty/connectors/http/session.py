"""The HTTP client: one request, one answer or one error, within one total deadline.

It sends prepared requests through a `requests` adapter rather than through a
`requests.Session`: the session is what follows redirects, reads proxies and netrc from the
environment and keeps cookies, none of which may happen here, and it takes twice as long.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from socket import gaierror
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from requests import PreparedRequest

from thirdparty import traces
from thirdparty.connectors.errors import AccessDenied, OutcomeUnknown, TargetError, Transient
from thirdparty.connectors.http.adapter import DEFAULT_PORTS, TargetAdapter, tls_context
from thirdparty.connectors.http.answer_parser import NotHTTP, TooLarge
from thirdparty.connectors.http.deadline import Call
from thirdparty.connectors.http.keep_alive import KeepAlive
from thirdparty.connectors.http.proxy import TunnelRefused

if TYPE_CHECKING:
    from thirdparty.connectors.config import TargetConfig

NOTHING_SENT = ("dns", "refused", "connect_timeout", "unreachable", "proxy")
"""The reasons that say: not even a request left, so no record can be at fault."""
_WITHOUT_A_BODY = ("GET", "HEAD", "DELETE", "OPTIONS")
# TLS 1.3 lets a server refuse our certificate after the request has left; it has then read none of it.
_CERTIFICATE_ALERTS = (
    "SSLV3_ALERT_BAD_CERTIFICATE",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED",
    "SSLV3_ALERT_CERTIFICATE_REVOKED",
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN",
    "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE",
    "TLSV13_ALERT_CERTIFICATE_REQUIRED",
    "TLSV1_ALERT_ACCESS_DENIED",
    "TLSV1_ALERT_UNKNOWN_CA",
)


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete answer of any status. The body is at most `MAX_ANSWER_BYTES`, its content codings undone."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


class HttpSession:
    """Keep-alive connections to one target. Shared by threads; each process opens its own after a fork.

    Raises `ImproperlyConfigured` when a certificate file of the target cannot be used.
    """

    def __init__(self, config: TargetConfig) -> None:
        self._base_url = config.base_url
        parts = urlsplit(config.base_url)
        self._tls = tls_context(config) if parts.scheme == "https" else None
        self._server: traces.Attributes = {
            "server.address": parts.hostname or "",
            "server.port": parts.port or DEFAULT_PORTS.get(parts.scheme, 0),
        }
        self._proxy = config.proxy
        self._keep_alive = KeepAlive(wanted=config.keep_alive)
        self._adapter: TargetAdapter | None = None
        self._adapter_pid = 0

    def send(  # noqa: PLR0913  # a request is made of these
        self,
        method: str,
        path: str,
        body: bytes,
        headers: Mapping[str, str],
        *,
        timeout_seconds: float,
        repeatable: bool = False,
    ) -> Answer:
        """Send one request and read the whole answer within ``timeout_seconds``; never elsewhere.

        It is sent once; a ``repeatable`` one, which can change nothing, once more on a new connection
        where a kept one ended before a byte of an answer: the server had closed it already.

        Raises `Transient` when nothing was sent, `AccessDenied` when TLS or the proxy refused, and
        `OutcomeUnknown` when something was sent but no complete answer of bearable size came back.
        """
        # By OpenTelemetry's conventions, but for the address: it holds remote ids and keys.
        with traces.span(method, {"http.request.method": method, **self._server}, traces.Kind.CLIENT) as span:
            try:
                answer = self._sent(self._request(method, path, body, headers), timeout_seconds, repeatable=repeatable)
            except TargetError as failure:
                span.failed(failure.reason)
                raise
            span.note({"http.response.status_code": answer.status})
            if answer.status >= HTTPStatus.BAD_REQUEST:
                span.failed(str(answer.status))
            return answer

    def _sent(self, request: PreparedRequest, timeout_seconds: float, *, repeatable: bool) -> Answer:
        call = Call(timeout_seconds)
        try:
            with call:
                try:
                    return self._exchange(request, timeout_seconds)
                except ConnectionError:
                    if not (repeatable and call.met_a_close):
                        raise
                call.begin_again()
                return self._exchange(request, timeout_seconds)
        except OSError as error:
            failure = _failure(error, call, "the proxy" if self._proxy else "the target")
        # Raised out here so that no context leads to the request, which holds secrets and people's details.
        raise failure

    def _request(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> PreparedRequest:
        request = PreparedRequest()
        request.method = method
        request.url = self._base_url + path
        # A plain dict, which the adapter takes just as well: the CaseInsensitiveDict of `requests` costs more than sending.
        request.headers = {  # type: ignore[assignment]  # the type that `requests` states
            **headers, "Accept-Encoding": "identity", "User-Agent": "usersync",
        }  # fmt: skip
        if body or method not in _WITHOUT_A_BODY:
            request.headers["Content-Length"] = str(len(body))
            request.body = body
        if self._proxy and self._tls is None:
            request.headers.update(self._proxy.headers)
        return request

    def _exchange(self, request: PreparedRequest, timeout_seconds: float) -> Answer:
        if not self._keep_alive.allowed:
            request.headers["Connection"] = "close"
        response = self._own_adapter().send(request, timeout=timeout_seconds)
        return Answer(response.status_code, response.headers, response.content)

    def close(self) -> None:
        """Close idle connections. The session stays usable."""
        if self._adapter is not None and self._adapter_pid == os.getpid():
            self._adapter.close()
        self._adapter = None

    def _own_adapter(self) -> TargetAdapter:
        adapter = self._adapter
        if adapter is None or self._adapter_pid != os.getpid():
            adapter = TargetAdapter(self._base_url, self._tls, self._keep_alive, self._proxy)
            # In this order: a thread that sees the new pid must see the new adapter.
            self._adapter = adapter
            self._adapter_pid = os.getpid()
        return adapter


def _failure(error: BaseException, call: Call, peer: str) -> TargetError:
    """Name the failure; ``peer`` is who a connection is made to."""
    if isinstance(error, TunnelRefused):
        return _no_tunnel(error)
    if isinstance(error, ssl.SSLError) and _is_refusal(error, call):
        why = getattr(error, "verify_message", "") or error.reason or "handshake failed"
        return AccessDenied("tls", f"no trusted TLS connection: {why}")
    if call.sent:
        return OutcomeUnknown(*_after_sending(error))
    return Transient(*_before_sending(error, peer))


def _no_tunnel(refused: TunnelRefused) -> TargetError:
    """Tell a proxy that wants something else of us (credentials, a rule) from one that cannot at the moment."""
    message = f"{refused}; nothing was sent"
    if refused.status is not None and refused.status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return AccessDenied("proxy", message)
    return Transient("proxy", message)


def _is_refusal(error: ssl.SSLError, call: Call) -> bool:
    if call.sent:
        return error.reason in _CERTIFICATE_ALERTS
    # A connection that merely ended during the handshake refuses nobody.
    return not isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError))


def _before_sending(error: BaseException, peer: str) -> tuple[str, str]:
    if isinstance(error, gaierror):
        return "dns", f"the name of {peer} cannot be resolved; nothing was sent"
    if isinstance(error, ConnectionRefusedError):
        return "refused", f"{peer} refused the connection; nothing was sent"
    if isinstance(error, TimeoutError):
        return "connect_timeout", "no connection in time; nothing was sent"
    return "unreachable", "the connection failed before anything was sent"


def _after_sending(error: BaseException) -> tuple[str, str]:
    if isinstance(error, TimeoutError):
        return "timeout", "no complete answer in time"
    if isinstance(error, TooLarge):
        return "oversized", str(error)
    if isinstance(error, NotHTTP):
        return "garbled", str(error)
    return "cut", "the connection ended before a complete answer"
