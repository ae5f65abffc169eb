"""A question before something is done to many, or to everybody: what it is, how many, and yes or no."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils.translation import gettext_lazy as _

CONFIRMED = "confirmed"
_CARRIED = (ACTION_CHECKBOX_NAME, "action", "select_across", "index")


@dataclass(frozen=True, slots=True)
class Question:
    """``sentences``: what will be done. ``button``: the yes. ``asks_why``: a reason has to be given, which is kept."""

    title: str
    sentences: Iterable[str]
    button: str
    asks_why: bool = False
    fields: dict[str, str] = field(default_factory=dict)


def is_confirmed(request: HttpRequest) -> bool:
    return request.method == "POST" and CONFIRMED in request.POST


def ask(request: HttpRequest, site: AdminSite, question: Question, *, back: str) -> TemplateResponse:
    """The page. Its yes is the same request once more, with what it carried, and `is_confirmed`; its no leads ``back``."""
    carried = [(name, value) for name in _CARRIED for value in request.POST.getlist(name)]
    context: dict[str, Any] = site.each_context(request) | {
        "title": question.title,
        "question": question,
        "carried": [*carried, *question.fields.items(), (CONFIRMED, "yes")],
        "why": _("Why? It is kept in the history."),
        "back": back,
    }
    return TemplateResponse(request, "thirdparty/admin/confirm.html", context)
