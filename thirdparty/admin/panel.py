"""The cards of records: how each stands, why, and what to do, on its own page and on that of its object."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib.admin import AdminSite
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.urls import Resolver404, resolve, reverse

from thirdparty import permissions
from thirdparty.admin import events
from thirdparty.admin.badge import record_page, state_badge
from thirdparty.admin.brake import brake_page
from thirdparty.admin.comparison import lines
from thirdparty.admin.decision import decision_form
from thirdparty.admin.filters import AttemptRecord
from thirdparty.decisions.compensation import ACCEPTING, OPEN
from thirdparty.declaration import objects
from thirdparty.declaration.accepting import accepting
from thirdparty.models import Attempt, Record, Target
from thirdparty.models.audit import Verdict
from thirdparty.models.record import State
from thirdparty.observe.explain import Explanation, explain
from thirdparty.observe.record_headline import record_headline
from thirdparty.observe.timeline import timeline
from thirdparty.permissions import SEE_RECORDS, Right

ASK = "ask"
"""The query parameter that has the target asked what it holds: a call that may take seconds, so no page waits for it unasked."""
_MOVING = (State.IN_FLIGHT, State.PENDING)


def panel(request: HttpRequest, records: QuerySet[Record], site: AdminSite) -> dict[str, Any]:
    """The context of ``thirdparty/admin/records.html``; empty while a form is sent, and for who may not see records."""
    if request.method != "GET" or not permissions.holds(request.user, *SEE_RECORDS):
        return {}
    cards = (card(request, row, site) for row in records.order_by("target"))
    return {"cards": [each for each in cards if each is not None]}


def card(request: HttpRequest, row: Record, site: AdminSite) -> dict[str, Any] | None:
    """The context of ``thirdparty/admin/record_card.html``; None where the record has gone. Has the target asked if `ASK` says so."""
    asked = ASK in request.GET
    explained = explain(row.ref, target=row.target, ask_target=asked)
    if not explained:
        return None
    [explanation] = explained
    may = may_look(request)
    owner = objects.read({row.ref}).get(row.ref)
    owner_page = _page(request, site, owner)
    headline = record_headline(explanation)
    return {
        "explanation": explanation,
        "asked": asked,
        "may_look": may,
        "headline": headline,
        "remarks": [each for each in _remarks(explanation) if each.casefold() != headline.casefold()],
        "lines": lines(explanation),
        "badge": state_badge(explanation.state),
        "is_moving": explanation.state in _MOVING,
        "is_level": explanation.state == State.SYNCED,
        "decision": decision_form(explanation.kind, explanation.generation)
        if may and explanation.state in OPEN
        else None,
        "take_theirs": _take_theirs(explanation) if may else "",
        "owner": owner,
        "owner_page": owner_page,
        "remedy": _titled(explanation.remedy),
        "brake": brake_page(explanation.target) if explanation.state == State.HELD else "",
        "page": record_page(explanation.key),
        "target_page": _target_page(request, site, explanation.target),
        "attempts_page": _attempts_page(request, site, explanation.key),
        "events": events.shown(timeline(row, owner if owner_page else None, explanation.attempts)),
    }


def may_look(request: HttpRequest) -> bool:
    """Whether this account may have records looked at, and decide about them."""
    return permissions.holds(request.user, Right.DECIDE)


def _remarks(explanation: Explanation) -> list[str]:
    return [*explanation.blocked_by, *filter(None, [explanation.audit_note])]


def _take_theirs(explanation: Explanation) -> str:
    """Where what the target holds is shown and taken; empty where nothing says that it is anything else than ours."""
    finding = explanation.finding
    found = finding is not None and finding.verdict == Verdict.DIFFERING and finding.mended_at is None
    is_open = explanation.state in OPEN
    if explanation.difference is not None:
        differs = any(item.field != "record" for item in explanation.difference)
    else:
        differs = found or is_open
    if not differs or explanation.deleted or explanation.state not in ACCEPTING or accepting(explanation.kind) is None:
        return ""
    page = reverse("admin:thirdparty_record_take_theirs", args=[explanation.key])
    return f"{page}?{urlencode({'seen': explanation.generation})}"


def _page(request: HttpRequest, site: AdminSite, owner: Model | None) -> str:
    """Where the object is changed; empty where the admin does not have it, or not for this account."""
    pages = site._registry.get(type(owner)) if owner is not None else None
    if owner is None or pages is None or not pages.has_view_permission(request, owner):
        return ""
    return reverse(f"admin:{owner._meta.app_label}_{owner._meta.model_name}_change", args=[owner.pk])


def _titled(page: str) -> dict[str, Any] | None:
    """A page where a cause is mended, and what its list is called, if it is one of the admin's."""
    if not page:
        return None
    try:
        pages = getattr(resolve(page.partition("?")[0]).func, "model_admin", None)
    except Resolver404:
        pages = None
    return {"url": page, "title": pages.opts.verbose_name_plural if pages is not None else ""}


def _target_page(request: HttpRequest, site: AdminSite, target: str) -> str:
    pages = site._registry.get(Target)
    if pages is None or not pages.has_view_permission(request):
        return ""
    return reverse("admin:thirdparty_target_change", args=[target])


def _attempts_page(request: HttpRequest, site: AdminSite, key: str) -> str:
    pages = site._registry.get(Attempt)
    if pages is None or not pages.has_view_permission(request):
        return ""
    query = urlencode({AttemptRecord.parameter_name: key})
    return f"{reverse('admin:thirdparty_attempt_changelist')}?{query}"
