"""Every error of the API as problem details (RFC 9457).

``{"type", "title", "status", "detail", "instance"}``, whose ``type`` says of which kind it is (`thirdparty.api.kinds`), and ``errors`` where fields are at fault:
``{"phone": ["Enter a phone number …"], "groups.0": [...]}``.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from http import HTTPStatus
from math import ceil
from typing import Any

from django.core.exceptions import NON_FIELD_ERRORS
from django.core.exceptions import ValidationError as ModelValidationError
from django.utils.encoding import escape_uri_path
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response
from rest_framework.settings import api_settings
from rest_framework.views import exception_handler, set_rollback

from thirdparty.api.kinds import OF_FRAMEWORK, TYPE, Kind
from thirdparty.consistency.strict import ChangedMeanwhile, NotAccepted, TargetsDiffer, Underway
from thirdparty.decisions.brake import NothingHeld
from thirdparty.decisions.linkage import CannotCompensate
from thirdparty.permissions import NotAllowed
from thirdparty.store.contention import is_contention, is_unavailable

logger = logging.getLogger(__name__)

CONTENT_TYPE = "application/problem+json"
_OPERATORS_SECONDS = 60
"""What an operator has to put right does not pass in a moment."""
UNFORESEEN = "Something went wrong here. It has been logged."
_BUSY = "Others were writing what this request has to write, so nothing was changed. Send it again a little later."
_UNAVAILABLE = "The database does not answer. Send the request again later, a POST with its Idempotency-Key."
_GENERAL = {NON_FIELD_ERRORS, api_settings.NON_FIELD_ERRORS_KEY, ""}


@dataclass(frozen=True, slots=True)
class Expected:
    """The answer to an error that is no surprise. ``extra``: further members of the problem."""

    kind: Kind
    status: HTTPStatus
    detail: str
    headers: dict[str, str] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)


def _not_allowed(exc: NotAllowed) -> Expected:
    extra = {"permission": exc.permission} if exc.permission else {}
    return Expected(Kind.NOT_ALLOWED, HTTPStatus.FORBIDDEN, str(exc), extra=extra)


def _not_accepted(exc: NotAccepted) -> Expected:
    undone = "what a target took is being undone" if exc.asked else "no target was asked"
    detail = f"Not every target accepted, so nothing was changed here; {undone}."
    verdicts = [asdict(verdict) for verdict in exc.verdicts]
    return Expected(Kind.NOT_ACCEPTED, HTTPStatus.FAILED_DEPENDENCY, detail, extra={"targets": verdicts})


def _under_way(exc: Underway) -> Expected:
    headers = {"Retry-After": str(ceil(exc.retry_after_seconds))}
    return Expected(Kind.STRICT_WRITE_UNDER_WAY, HTTPStatus.CONFLICT, f"{exc}.".capitalize(), headers)


def _changed_meanwhile(exc: ChangedMeanwhile) -> Expected:
    detail = f"Nothing was changed: {exc}. Read it, then write again."
    return Expected(Kind.CHANGED_MEANWHILE, HTTPStatus.CONFLICT, detail)


def _targets_differ(exc: TargetsDiffer) -> Expected:
    headers = {"Retry-After": str(_OPERATORS_SECONDS)}
    detail = f"Nothing was asked or changed: {exc}."
    return Expected(Kind.TARGETS_DIFFER, HTTPStatus.SERVICE_UNAVAILABLE, detail, headers)


def _nothing_held(exc: NothingHeld) -> Expected:
    return Expected(Kind.NOT_DECIDED, HTTPStatus.CONFLICT, f"Nothing was changed: {exc}")


def _cannot_compensate(exc: CannotCompensate) -> Expected:
    return Expected(Kind.NOT_DECIDED, HTTPStatus.CONFLICT, f"Nothing was changed: {exc}")


_EXPECTED: dict[type[Exception], Callable[[Any], Expected]] = {
    NotAllowed: _not_allowed,
    NotAccepted: _not_accepted,
    Underway: _under_way,
    ChangedMeanwhile: _changed_meanwhile,
    TargetsDiffer: _targets_differ,
    CannotCompensate: _cannot_compensate,
    NothingHeld: _nothing_held,
}


def answer(exc: Exception, context: Mapping[str, Any]) -> Response:
    """The answer to whatever a view raised; what was not foreseen is logged and answered as 500."""
    path = context["request"].path
    if isinstance(exc, ModelValidationError):
        exc = ValidationError(exc.message_dict)
    expected = _expected(exc, path) or _of_database(exc, path)
    if expected is not None:
        return expected
    response = exception_handler(exc, dict(context))
    if response is None:
        logger.error("unforeseen error at %s", path, exc_info=exc)
        set_rollback()
        body = problem(Kind.UNFORESEEN, HTTPStatus.INTERNAL_SERVER_ERROR, path, UNFORESEEN)
        return Response(body, status=HTTPStatus.INTERNAL_SERVER_ERROR, content_type=CONTENT_TYPE)
    if isinstance(exc, ValidationError):
        response.data = _invalid(response.status_code, path, exc.detail)
    else:
        kind = OF_FRAMEWORK.get(HTTPStatus(response.status_code), Kind.UNFORESEEN)
        response.data = problem(kind, response.status_code, path, str(response.data["detail"]))
    response.content_type = CONTENT_TYPE
    return response


def expect(error: type[Exception], answer: Callable[[Any], Expected]) -> None:
    """Have an application's own error answered so, wherever a view of it raises it."""
    _EXPECTED[error] = answer


def _expected(exc: Exception, path: str) -> Response | None:
    """The answer to what a request can meet by no fault of its form."""
    answer = next((_EXPECTED[error] for error in type(exc).__mro__ if error in _EXPECTED), None)
    if answer is None:
        return None
    set_rollback()
    expected = answer(exc)
    body = problem(expected.kind, expected.status, path, expected.detail) | expected.extra
    return Response(body, status=expected.status, content_type=CONTENT_TYPE, headers=expected.headers)


def _of_database(exc: Exception, path: str) -> Response | None:
    """The answer where the database could not do its part: worth another try, a little later."""
    if is_contention(exc):
        kind, detail, seconds = Kind.BUSY, _BUSY, 1
    elif is_unavailable(exc):
        logger.error("the database failed at %s", path, exc_info=exc)
        kind, detail, seconds = Kind.UNAVAILABLE, _UNAVAILABLE, 5
    else:
        return None
    set_rollback()
    status = HTTPStatus.SERVICE_UNAVAILABLE
    body = problem(kind, status, path, detail)
    return Response(body, status=status, content_type=CONTENT_TYPE, headers={"Retry-After": str(seconds)})


def problem(kind: Kind, status: int, path: str, detail: str) -> dict[str, Any]:
    """The body of one."""
    return {
        "type": f"{TYPE}{kind}",
        "title": HTTPStatus(status).phrase,
        "status": int(status),
        "detail": _encodable(detail),
        "instance": escape_uri_path(path),
    }


def by_field(detail: Any) -> dict[str, list[str]]:
    """The sentences of nested errors by the dotted path of their field."""
    errors: dict[str, list[str]] = {}
    for path, message in _sentences(detail):
        errors.setdefault(_encodable(path), []).append(_encodable(message))
    return errors


def _invalid(status: int, path: str, detail: Any) -> dict[str, Any]:
    errors = by_field(detail)
    general = [sentence for field in _GENERAL for sentence in errors.pop(field, ())]
    body = problem(Kind.INVALID, status, path, " ".join(general) or "Some fields are not valid.")
    return body | {"errors": errors} if errors else body


def _sentences(detail: Any, field: str = "") -> Iterator[tuple[str, str]]:
    """Each message with the dotted path of its field."""
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            of_whole = field and name in _GENERAL
            yield from _sentences(inner, field if of_whole else f"{field}.{name}" if field else str(name))
    elif isinstance(detail, list):
        for inner in detail:
            yield from _sentences(inner, field)
    else:
        yield field, str(detail)


def _encodable(text: str) -> str:
    # Field names and values of a request are echoed; JSON text may hold what UTF-8 cannot.
    return text.encode("utf-8", "backslashreplace").decode()
