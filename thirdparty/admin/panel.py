"""The explanation of records, as their own page shows it, and the page of their object may."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest

from thirdparty import permissions
from thirdparty.admin.badge import call_in_words, outcome_badge, record_page, state_badge
from thirdparty.admin.brake import brake_page
from thirdparty.admin.decision import decision_form
from thirdparty.decisions.compensation import OPEN
from thirdparty.models import Record
from thirdparty.models.record import State
from thirdparty.observe.explain import Explanation, explain
from thirdparty.permissions import SEE_RECORDS, Right

ASK = "ask"
"""The query parameter that has the target asked what it holds: a call that may take seconds, so never unasked."""


def panel(request: HttpRequest, records: QuerySet[Record]) -> dict[str, Any]:
    """The context of ``thirdparty/admin/records.html``; empty while a form is sent, and for who may not see records."""
    if request.method != "GET" or not permissions.holds(request.user, *SEE_RECORDS):
        return {}
    asked = ASK in request.GET
    explanations = [item for row in records for item in explain(row.ref, target=row.target, ask_target=asked)]
    may = may_look(request)
    return {"cards": [_card(item, may_decide=may) for item in explanations], "asked": asked, "may_look": may}


def may_look(request: HttpRequest) -> bool:
    """Whether this account may have records looked at, and decide about them."""
    return permissions.holds(request.user, Right.DECIDE)


def _card(explanation: Explanation, *, may_decide: bool) -> dict[str, Any]:
    open_to_decisions = explanation.state in OPEN and may_decide
    return {
        "explanation": explanation,
        "decision": decision_form(explanation.kind, explanation.generation) if open_to_decisions else None,
        "badge": state_badge(explanation.state),
        "page": record_page(explanation.key),
        "brake": brake_page(explanation.target) if explanation.state == State.HELD else "",
        "attempts": [
            (attempt, call_in_words(attempt.call), outcome_badge(attempt)) for attempt in explanation.attempts
        ],
    }
