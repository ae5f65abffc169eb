"""What is shown in the admin's dress where a page cannot be: for the handlers of a project (``handler404`` and so on)."""

from __future__ import annotations

from http import HTTPStatus

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.translation import gettext as _


def failure(request: HttpRequest, status: HTTPStatus, why: str = "") -> HttpResponse:
    """A page that says what is wrong and leads back. For a fault of our own it is a plain one, which asks no database."""
    title, sentence = _words(status)
    context = {"title": title, "sentence": why or sentence}
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or not hasattr(
        request, "user"
    ):  # refused before anybody asked who it is
        return HttpResponse(render_to_string("thirdparty/admin/plain.html", context), status=status)
    context |= admin.site.each_context(request) | {"title": title}
    return HttpResponse(render_to_string("thirdparty/admin/failure.html", context, request), status=status)


def _words(status: HTTPStatus) -> tuple[str, str]:
    known = {
        HTTPStatus.BAD_REQUEST: (
            _("This cannot be understood"),
            _("The request is not as it should be. Nothing was done."),
        ),
        HTTPStatus.FORBIDDEN: (_("You may not do this"), _("Your account lacks the permission. Nothing was done.")),
        HTTPStatus.NOT_FOUND: (_("There is no such page"), _("It may have gone, or the address is wrong.")),
    }
    fault = (_("Something went wrong here"), _("It is in the log. Nothing of it was saved."))
    return known.get(status, fault)
