"""A question before something is done to many, or to everybody: what it is, how many, and yes or no."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils.translation import gettext_lazy as _

CONFIRMED = "confirmed"
CHOICE = "choice"
"""The field of the form that has one of the question's ``choices``."""
_CARRIED = (ACTION_CHECKBOX_NAME, "action", "select_across", "index")


@dataclass(frozen=True, slots=True)
class Question:
    """``sentences``: what will be done. ``button``: the yes. ``asks_why``: a reason has to be given, which is kept.

    ``choices``: what can be done, each a value and its words; none where that is said already.
    """

    title: str
    sentences: Iterable[str]
    button: str
    asks_why: bool = False
    choices: Sequence[tuple[str, str]] = ()
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
        "choice": CHOICE,
        "what": _("What"),
        "why": _("Why? It is kept in the history."),
        "back": back,
    }
    return TemplateResponse(request, "thirdparty/admin/confirm.html", context)
