"""Every error of the API as problem details (RFC 9457).

``{"type", "title", "status", "detail", "instance"}``, whose ``type`` says of which kind it is (`users.api.kinds`), and ``errors`` where fields are at fault:
``{"phone": ["Enter a phone number …"], "groups.0": [...]}``.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from http import HTTPStatus
from math import ceil
from typing import Any

from django.core.exceptions import NON_FIELD_ERRORS
from django.core.exceptions import ValidationError as ModelValidationError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.encoding import escape_uri_path
from django.views import defaults
from django.views.decorators.csrf import csrf_exempt
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response
from rest_framework.settings import api_settings
from rest_framework.views import exception_handler, set_rollback

from thirdparty.consistency.strict import ChangedMeanwhile, NotAccepted, TargetsDiffer, Underway
from thirdparty.store.contention import is_contention, is_unavailable
from users.api.kinds import OF_FRAMEWORK, TYPE, Kind
from users.models import User
from users.permissions import NotAllowed
from users.services import Outdated

logger = logging.getLogger(__name__)

CONTENT_TYPE = "application/problem+json"
_OPERATORS_SECONDS = 60
"""What an operator has to put right does not pass in a moment."""
_UNFORESEEN = "Something went wrong here. It has been logged."
_BUSY = "Others were writing what this request has to write, so nothing was changed. Send it again a little later."
_UNAVAILABLE = "The database does not answer. Send the request again later, a POST with its Idempotency-Key."
_GENERAL = {NON_FIELD_ERRORS, api_settings.NON_FIELD_ERRORS_KEY, ""}


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
        body = _problem(Kind.UNFORESEEN, HTTPStatus.INTERNAL_SERVER_ERROR, path, _UNFORESEEN)
        return Response(body, status=HTTPStatus.INTERNAL_SERVER_ERROR, content_type=CONTENT_TYPE)
    if isinstance(exc, ValidationError):
        response.data = _invalid(response.status_code, path, exc.detail)
    else:
        kind = OF_FRAMEWORK.get(HTTPStatus(response.status_code), Kind.UNFORESEEN)
        response.data = _problem(kind, response.status_code, path, str(response.data["detail"]))
    response.content_type = CONTENT_TYPE
    return response


def _expected(exc: Exception, path: str) -> Response | None:
    """The answer to what a write can meet by no fault of the request's form."""
    headers: dict[str, str] = {}
    extra: dict[str, Any] = {}
    if isinstance(exc, NotAllowed):
        kind, status, detail = Kind.NOT_ALLOWED, HTTPStatus.FORBIDDEN, str(exc)
        if exc.permission:
            extra["permission"] = exc.permission
    elif isinstance(exc, Outdated):
        kind = Kind.CHANGED_SINCE
        status, detail = HTTPStatus.PRECONDITION_FAILED, "The user has changed since. Read them, then write again."
    elif isinstance(exc, Underway):
        kind = Kind.STRICT_WRITE_UNDER_WAY
        status, detail = HTTPStatus.CONFLICT, f"{exc}.".capitalize()
        headers["Retry-After"] = str(ceil(exc.retry_after_seconds))
    elif isinstance(exc, ChangedMeanwhile):
        kind = Kind.CHANGED_MEANWHILE
        status, detail = HTTPStatus.CONFLICT, f"Nothing was changed: {exc}. Read the user, then write again."
    elif isinstance(exc, NotAccepted):
        kind = Kind.NOT_ACCEPTED
        status = HTTPStatus.FAILED_DEPENDENCY
        undone = "what a target took is being undone" if exc.asked else "no target was asked"
        detail = f"Not every target accepted, so nothing was changed here; {undone}."
        extra["targets"] = [asdict(verdict) for verdict in exc.verdicts]
    elif isinstance(exc, TargetsDiffer):
        kind = Kind.TARGETS_DIFFER
        status, detail = HTTPStatus.SERVICE_UNAVAILABLE, f"Nothing was asked or changed: {exc}."
        headers["Retry-After"] = str(_OPERATORS_SECONDS)
    elif isinstance(exc, User.DoesNotExist):
        kind, status, detail = Kind.NOT_FOUND, HTTPStatus.NOT_FOUND, "There is no such user any more."
    else:
        return None
    set_rollback()
    body = _problem(kind, status, path, detail) | extra
    return Response(body, status=status, content_type=CONTENT_TYPE, headers=headers)


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
    body = _problem(kind, status, path, detail)
    return Response(body, status=status, content_type=CONTENT_TYPE, headers={"Retry-After": str(seconds)})


@csrf_exempt
def no_such_page(request: HttpRequest) -> JsonResponse:
    """What the API says of an address that it does not have."""
    return _json(
        request, Kind.NOT_FOUND, HTTPStatus.NOT_FOUND, "There is nothing at this address. Addresses end with a slash."
    )


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's ``handler400``, with a problem for the API."""
    if not _of_api(request):
        return defaults.bad_request(request, exception)
    return _json(request, Kind.UNREADABLE, HTTPStatus.BAD_REQUEST, "The request cannot be understood.")


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's ``handler500``, with a problem for the API."""
    if not _of_api(request):
        return defaults.server_error(request)
    return _json(request, Kind.UNFORESEEN, HTTPStatus.INTERNAL_SERVER_ERROR, _UNFORESEEN)


def _of_api(request: HttpRequest) -> bool:
    return request.path.startswith("/api/")


def _json(request: HttpRequest, kind: Kind, status: int, detail: str) -> JsonResponse:
    return JsonResponse(_problem(kind, status, request.path, detail), status=status, content_type=CONTENT_TYPE)


def _problem(kind: Kind, status: int, path: str, detail: str) -> dict[str, Any]:
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
    for field, message in _sentences(detail):
        errors.setdefault(_encodable(field), []).append(_encodable(message))
    return errors


def _invalid(status: int, path: str, detail: Any) -> dict[str, Any]:
    errors = by_field(detail)
    general = [sentence for field in _GENERAL for sentence in errors.pop(field, ())]
    problem = _problem(Kind.INVALID, status, path, " ".join(general) or "Some fields are not valid.")
    return problem | {"errors": errors} if errors else problem


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
