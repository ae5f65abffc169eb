"""Which request a log line is of: in the web process that answers it, and in the worker that its hint woke.

Three parts that a project switches on: the middleware `RequestIds`, first of all; the logging filter `OfRequest` on its handlers,
which gives each line a ``request_id``; and what `thirdparty.celery.install` connects. The id is for people who read logs. Nothing depends on it.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from contextvars import ContextVar, Token
from typing import Any
from uuid import uuid4

from django.http import HttpRequest, HttpResponseBase

HEADER = "X-Request-ID"
IN_MESSAGES = "x_request_id"
"""The header of a Celery message that carries it."""
_WELL_FORMED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")
_current: ContextVar[str] = ContextVar("request_id", default="")


def current() -> str:
    """That of the request that is answered here, or whose hint is worked on; empty where there is none."""
    return _current.get()


def well_formed(given: object) -> str:
    """What is given, or nothing where it is not 1 to 64 letters, digits and ``. _ : -``, the first a letter or digit.

    Nothing else can be told from the rest of a log line for certain.
    """
    return given if isinstance(given, str) and _WELL_FORMED.fullmatch(given) else ""


def bind(request_id: str) -> Token[str]:
    """Whatever is logged in this context from now on is of this request; `release` ends it."""
    return _current.set(request_id)


def release(token: Token[str]) -> None:
    """As it was before that `bind`."""
    _current.reset(token)


def message_headers() -> dict[str, str]:
    """The headers of a message that is sent on behalf of the present request; none where there is none."""
    return {IN_MESSAGES: current()} if current() else {}


class RequestIds:
    """Takes the request's ``X-Request-ID`` where it is well-formed, else makes one, and answers it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        request_id = well_formed(request.headers.get(HEADER)) or uuid4().hex
        request.request_id = request_id  # type: ignore[attr-defined]  # read by `OfRequest`
        token = bind(request_id)
        try:
            response = self._get_response(request)
        finally:
            release(token)
        response.headers[HEADER] = request_id
        return response


class OfRequest(logging.Filter):
    """Lets every line pass, with its ``request_id``; ``-`` where it is of no request."""

    def filter(self, record: logging.LogRecord) -> bool:
        # Django logs answers such as 404 when all middleware is through, and names the request.
        request: Any = getattr(record, "request", None)
        record.request_id = current() or getattr(request, "request_id", "") or "-"
        return True
