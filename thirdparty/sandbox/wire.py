"""HTTP as bytes: a request that was read, an answer to be written."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus

JSON = "application/json; charset=utf-8"
HTML = "text/html; charset=utf-8"
TEXT = "text/plain; charset=utf-8"
MAX_BODY_BYTES = 1024 * 1024
_REASONS = {status.value: status.phrase for status in HTTPStatus}


@dataclass(slots=True)
class Request:
    """One request. A body over `MAX_BODY_BYTES` is dropped and ``too_large`` set."""

    method: str = ""
    path: str = ""
    query: str = ""
    token: str = ""
    content_type: str = ""
    idempotency_key: str | None = None
    body: bytes = b""
    too_large: bool = False
    keep_alive: bool = True


def response(
    http: int, body: bytes, *, content_type: str = JSON, headers: str = "", length: int | None = None
) -> bytes:
    """A whole answer. ``headers``: further lines, each ended by CRLF. ``length``: announced instead of the body's."""
    size = len(body) if length is None else length
    head = (
        f"HTTP/1.1 {http} {_REASONS[http]}\r\nContent-Type: {content_type}\r\nContent-Length: {size}\r\n{headers}\r\n"
    )
    return head.encode("latin-1") + body


def error(http: int, reason: str = "", *, headers: str = "") -> bytes:
    """An error in plain text."""
    text = f"{http} {_REASONS[http]}{': ' if reason else ''}{reason}\n"
    return response(http, text.encode(), content_type=TEXT, headers=headers)
