"""Records that fail, by cause: how many, since when, an example, where it is mended, and all of them once more."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.admin import AdminSite
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from thirdparty import permissions
from thirdparty.admin.badge import record_page, state_badge
from thirdparty.admin.confirm import Question, ask, is_confirmed
from thirdparty.admin.moment import moment
from thirdparty.admin.named import names
from thirdparty.decisions.causes import Cause, retry
from thirdparty.decisions.look_now import MOST_AT_ONCE, LookedAt
from thirdparty.models import Record
from thirdparty.models.record import State
from thirdparty.observe.numbers import grouped
from thirdparty.observe.reasons import CAUSES, Reason, Seen
from thirdparty.observe.reasons.causes import cause_in_words
from thirdparty.permissions import SEE_RECORDS, Right
from thirdparty.store.contention import StillHeld


def causes_view(request: HttpRequest, site: AdminSite) -> HttpResponse:
    """All of them."""
    permissions.require(request.user, *SEE_RECORDS)
    seen = Seen()
    found = [reason for source in CAUSES for reason in source(seen)]
    context = site.each_context(request) | {"title": _("Causes"), "causes": causes_shown(request, found)}
    return TemplateResponse(request, "thirdparty/admin/causes.html", context)


def causes_shown(request: HttpRequest, reasons: Iterable[Reason]) -> list[dict[str, Any]]:
    """The context of ``thirdparty/admin/causes_table.html``: those of these reasons that are about records of a cause."""
    may = permissions.holds(request.user, Right.DECIDE)
    shown = [reason for reason in reasons if reason.example]
    called = names([reason.example for reason in shown])
    return [_row(reason, called[reason.example], may_retry=may) for reason in shown]


def _row(reason: Reason, example: str, *, may_retry: bool) -> dict[str, Any]:
    state = State.PARKED if reason.code == "parked" else State.PENDING
    which = {"target": reason.target, "kind": reason.kind, "cause": reason.cause, "state": state.value}
    return {
        "reason": reason,
        "badge": state_badge(state),
        "words": cause_in_words(reason.cause),
        "page": reason.link.url if reason.link is not None else "",
        "since": moment(reason.since) or "",
        "example": record_page(reason.example),
        "example_name": example,
        "remedy": reason.remedy.url if reason.remedy is not None else "",
        "retry": f"{reverse('admin:thirdparty_record_retry')}?{urlencode(which)}" if may_retry else "",
    }


def retry_view(request: HttpRequest, site: AdminSite) -> HttpResponse:
    """Ask, and once it is confirmed have all records of one cause looked at."""
    permissions.require(request.user, Right.DECIDE)
    given = {name: request.GET.get(name, "") for name in ("target", "kind", "cause", "state")}
    cause = Cause(given["target"], given["cause"], given["kind"], given["state"] or State.PARKED)
    back = reverse("admin:thirdparty_record_causes")
    if not is_confirmed(request):
        return ask(request, site, _question(cause), back=back)
    tell(request, lambda: retry(cause, by=request.user))
    return redirect(back)


def tell(request: HttpRequest, look: Any) -> None:
    """Do it, and say what came of it."""
    try:
        looked_at: LookedAt = look()
    except StillHeld as held:
        text = ngettext(
            "%(count)s record is due now; others are being written by somebody: try again.",
            "%(count)s records are due now; others are being written by somebody: try again.",
            held.looked_at,
        )
        messages.warning(request, text % {"count": grouped(held.looked_at)})
        return
    text = ngettext("%(count)s record is due now.", "%(count)s records are due now.", looked_at.count)
    messages.success(request, text % {"count": grouped(looked_at.count)})
    if looked_at.more:
        messages.warning(
            request, _("There are more: these were the first %(most)s.") % {"most": grouped(MOST_AT_ONCE)}
        )


def about_to_look(records: QuerySet[Record]) -> list[str]:
    """What it means to look at these records now, for a question."""
    count = records.order_by()[: MOST_AT_ONCE + 1].count()
    now = min(count, MOST_AT_ONCE)
    sentences = [
        ngettext(
            "%(count)s record will be looked at now, parked or not.",
            "%(count)s records will be looked at now, parked or not.",
            now,
        )
        % {"count": grouped(now)},
        _("Each is brought to what is wanted here: what the target holds instead is overwritten."),
    ]
    if count > now:
        sentences.append(_("There are more: these are the first %(most)s.") % {"most": grouped(now)})
    return sentences


def _question(cause: Cause) -> Question:
    which = _("Of %(target)s, because: %(cause)s.") % {
        "target": cause.target,
        "cause": cause_in_words(cause.cause),
    }
    return Question(_("Retry these?"), [which, *about_to_look(cause.records())], _("Yes, retry"))
