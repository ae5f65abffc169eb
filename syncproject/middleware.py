"""What is decided of a request before any other part looks at it."""

from __future__ import annotations

from collections.abc import Callable

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponseBase
from django.urls import resolve

Handler = Callable[[HttpRequest], HttpResponseBase]

PROBED = ("/health/live/", "/health/ready/", "/metrics")
"""Asked by orchestrators and scrapers, by the address of the pod, which ``DJANGO_ALLOWED_HOSTS`` cannot name."""
_SAFE = ("GET", "HEAD")


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


class NoNul:
    """Refuses addresses and headers with a NUL, which no text of PostgreSQL can hold: deep inside, one is a 500."""

    def __init__(self, get_response: Handler) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        headers = (value for name, value in request.META.items() if name.startswith("HTTP_"))
        if (
            "\0" in request.path_info
            or "%00" in request.META.get("QUERY_STRING", "")
            or any("\0" in v for v in headers)
        ):
            raise BadRequest("the request holds a NUL")
        return self._get_response(request)
