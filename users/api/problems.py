"""What people's own errors are answered with, and what is said of addresses that no view answers."""

from __future__ import annotations

from http import HTTPStatus

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from thirdparty.admin.failures import failure
from thirdparty.api.kinds import Kind
from thirdparty.api.problems import CONTENT_TYPE, UNFORESEEN, Expected, expect, problem
from thirdparty.permissions import NotAllowed
from users.models import User
from users.services import Outdated

expect(
    Outdated,
    lambda _: Expected(
        Kind.CHANGED_SINCE,
        HTTPStatus.PRECONDITION_FAILED,
        "The user has changed since. Read them, then write again.",
    ),
)
expect(User.DoesNotExist, lambda _: Expected(Kind.NOT_FOUND, HTTPStatus.NOT_FOUND, "There is no such user any more."))


@csrf_exempt
def no_such_page(request: HttpRequest) -> JsonResponse:
    """What the API says of an address that it does not have."""
    return _json(
        request, Kind.NOT_FOUND, HTTPStatus.NOT_FOUND, "There is nothing at this address. Addresses end with a slash."
    )


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's ``handler400``, with a problem for the API."""
    if not _of_api(request):
        return failure(request, HTTPStatus.BAD_REQUEST)
    return _json(request, Kind.UNREADABLE, HTTPStatus.BAD_REQUEST, "The request cannot be understood.")


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's ``handler403``; the API has answers of its own."""
    why = str(exception) if isinstance(exception, NotAllowed) else ""
    return failure(request, HTTPStatus.FORBIDDEN, why)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's ``handler404``, with a problem for the API."""
    return no_such_page(request) if _of_api(request) else failure(request, HTTPStatus.NOT_FOUND)


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's ``handler500``, with a problem for the API."""
    if not _of_api(request):
        return failure(request, HTTPStatus.INTERNAL_SERVER_ERROR)
    return _json(request, Kind.UNFORESEEN, HTTPStatus.INTERNAL_SERVER_ERROR, UNFORESEEN)


def _of_api(request: HttpRequest) -> bool:
    return request.path.startswith("/api/")


def _json(request: HttpRequest, kind: Kind, status: int, detail: str) -> JsonResponse:
    return JsonResponse(problem(kind, status, request.path, detail), status=status, content_type=CONTENT_TYPE)
