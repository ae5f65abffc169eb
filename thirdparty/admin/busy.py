"""A page of the admin that has to wait too long for a lock says so, instead of failing with 500."""

from __future__ import annotations

import logging
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from thirdparty.store.contention import is_contention

logger = logging.getLogger(__name__)


class BusyPages:
    """A middleware: 503 with ``Retry-After``, in words, for what `thirdparty.store.contention` knows. Nothing was saved then."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self._get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not is_contention(exception) or not request.path.startswith(reverse("admin:index")):
            return None
        logger.warning("%s %s: others held a lock for too long", request.method, request.path)
        context = {"title": _("Somebody else is writing this")}
        return TemplateResponse(
            request, "thirdparty/admin/busy.html", context, status=503, headers={"Retry-After": "1"}
        )
