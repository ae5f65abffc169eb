"""One decision about the records that were chosen from the list: how many they are, which decision, and why."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import messages
from django.contrib.admin import AdminSite
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from thirdparty.admin.badge import record_page
from thirdparty.admin.confirm import CHOICE, Question, ask, is_confirmed
from thirdparty.admin.decision import said
from thirdparty.admin.named import names
from thirdparty.decisions.compensation import OPEN, CannotCompensate, Deed
from thirdparty.decisions.together import MOST_AT_ONCE, TOGETHER, DecidedTogether, decide_together
from thirdparty.models import Record
from thirdparty.observe.messages import message_in_words
from thirdparty.observe.numbers import grouped

_SEEN = "seen"
_NAMED = 10


def decide_chosen(request: HttpRequest, site: AdminSite, chosen: QuerySet[Record]) -> HttpResponse | None:
    """Ask, and once it is confirmed decide about just those that the question counted, as they were then."""
    seen, deed = _seen(request), request.POST.get(CHOICE, "")
    if is_confirmed(request) and seen and deed in TOGETHER:
        try:
            reason = request.POST.get("reason", "")
            _tell(request, decide_together(seen, Deed(deed), account=request.user, reason=reason))
        except CannotCompensate as refused:
            messages.error(request, message_in_words(str(refused)))
        return None
    is_open = chosen.filter(state__in=OPEN).order_by("key")
    found = dict(is_open.values_list("key", "generation")[: MOST_AT_ONCE + 1])
    first = dict(list(found.items())[:MOST_AT_ONCE])
    if not first:
        messages.warning(request, _("None of these records waits for a decision."))
        return None
    question = Question(
        _("Decide about these?"),
        _sentences(len(first), _others(chosen), more=len(found) > len(first)),
        _("Yes, decide"),
        asks_why=True,
        choices=[(each.value, said(each)) for each in TOGETHER],
        fields={_SEEN: json.dumps(first)},
    )
    return ask(request, site, question, back=request.get_full_path())


def _seen(request: HttpRequest) -> dict[str, int]:
    """What the question carried; empty for anything else."""
    try:
        given: Any = json.loads(request.POST.get(_SEEN, ""))
    except ValueError:
        return {}
    is_ours = isinstance(given, dict) and all(type(generation) is int for generation in given.values())
    return given if is_ours else {}


def _others(chosen: QuerySet[Record]) -> int:
    return chosen.exclude(state__in=OPEN).order_by()[: MOST_AT_ONCE + 1].count()


def _sentences(count: int, others: int, *, more: bool) -> list[str]:
    text = ngettext(
        "%(count)s record is decided about. It goes into its history, with your name and your reason.",
        "%(count)s records are decided about. It goes into the history of each, with your name and your reason.",
        count,
    )
    sentences = [
        text % {"count": grouped(count)},
        _("What is true of one record at the target (adopt, accept, settle) is decided on its own page."),
    ]
    if others:
        text = ngettext(
            "%(count)s other that was chosen waits for no decision, and stays as it is.",
            "%(count)s others that were chosen wait for no decision, and stay as they are.",
            others,
        )
        counted = grouped(min(others, MOST_AT_ONCE)) + ("+" if others > MOST_AT_ONCE else "")
        sentences.append(text % {"count": counted})
    if more:
        sentences.append(_("There are more: these are the first %(most)s.") % {"most": grouped(count)})
    return sentences


def _tell(request: HttpRequest, decided: DecidedTogether) -> None:
    """About how many, and of the others each by its name, up to some."""
    if decided.count:
        text = ngettext(
            "%(count)s record is decided about, and on record: see its history.",
            "%(count)s records are decided about, and on record: see their histories.",
            decided.count,
        )
        messages.success(request, text % {"count": grouped(decided.count)})
    named = decided.refused[:_NAMED]
    called = names([each.key for each in named])
    for each in named:
        link = format_html('<a href="{}">{}</a>', record_page(each.key), called[each.key])
        messages.warning(request, format_html("{}: {}", link, message_in_words(each.why)))
    if further := len(decided.refused) - len(named):
        text = ngettext(
            "%(count)s more could not be decided about.", "%(count)s more could not be decided about.", further
        )
        messages.warning(request, text % {"count": grouped(further)})
