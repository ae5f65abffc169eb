"""What is decided of a request before any other part looks at it."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from urllib.parse import unquote

from django.contrib.admindocs.views import simplify_regex
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponseBase
from django.urls import resolve

from thirdparty import traces

Handler = Callable[[HttpRequest], HttpResponseBase]

PROBED = ("/health/live/", "/health/ready/", "/metrics")
"""Asked by orchestrators and scrapers, by the address of the pod, which ``DJANGO_ALLOWED_HOSTS`` cannot name."""
_SAFE = ("GET", "HEAD")
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_API = "/api/v1/"


class ProbesByAnyAddress:
    """Answers the probes whatever the ``Host`` is, and nothing else: their answers hold neither hosts nor links.

    Behind this, other parts compare the host, or look for a session, which no probe has.
    """

    def __init__(self, get_response: Handler) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path_info in PROBED and request.method in _SAFE:
            probe: Handler = resolve(request.path_info).func
            return probe(request)
        return self._get_response(request)


class Traced:
    """Each request is a span, of the trace that its headers carry. It says the route and the status, and neither address nor query:
    people are searched for by their names and numbers.
    """

    def __init__(self, get_response: Handler) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        method = request.method if request.method in _METHODS else "_OTHER"
        token = traces.take_up(request.headers)
        try:
            with traces.span(method, {"http.request.method": method}, traces.Kind.SERVER) as span:
                response = self._get_response(request)
                if request.resolver_match is not None:
                    route = simplify_regex(request.resolver_match.route)
                    span.rename(f"{method} {route}")
                    span.note({"http.route": route})
                span.note({"http.response.status_code": response.status_code})
                if response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
                    span.failed(str(response.status_code))
                return response
        finally:
            traces.lay_down(token)


class NoNul:
    """Refuses addresses and headers with a NUL, which no text of PostgreSQL can hold: deep inside, one is a 500.

    The API says itself which part of an address is at fault.
    """

    def __init__(self, get_response: Handler) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        address = request.path_info + unquote(request.META.get("QUERY_STRING", ""))
        headers = (value for name, value in request.META.items() if name.startswith("HTTP_"))
        if any("\0" in text for text in headers) or ("\0" in address and not request.path_info.startswith(_API)):
            raise BadRequest("the request holds a NUL")
        return self._get_response(request)
