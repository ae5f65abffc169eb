"""The explanation of records, as their own page and their user's page show it."""

from __future__ import annotations

from typing import Any, cast

from django.db.models import QuerySet
from django.http import HttpRequest

from thirdparty.decide.result import Outcome
from thirdparty.decisions.compensation import OPEN
from thirdparty.models import Attempt, Record
from thirdparty.models.record import State
from thirdparty.observe.explain import Explanation, explain
from thirdparty.permissions import SEE_RECORDS
from thirdparty.permissions import Right as RecordRight
from users import permissions
from users.admin.badge import OUTCOMES, STATES, badge, record_page
from users.admin.decision import DecisionForm
from users.models import User

ASK = "ask"
"""The query parameter that has the target asked what it holds: a call that may take seconds, so never unasked."""


def panel(request: HttpRequest, records: QuerySet[Record]) -> dict[str, Any]:
    """The context of ``users/admin/records.html``. All records are one user's; none while a form is sent."""
    account = cast("User", request.user)
    if request.method != "GET" or not permissions.holds(account, *SEE_RECORDS):
        return {}
    shown = {row.key: row.ref for row in records}
    asked = ASK in request.GET
    explanations = [item for ref in set(shown.values()) for item in explain(ref, ask_target=asked)]
    may = may_look(request)
    cards = [_card(item, may_decide=may) for item in explanations if item.key in shown]
    return {"cards": cards, "asked": asked, "may_look": may}


def may_look(request: HttpRequest) -> bool:
    """Whether this account may have records looked at, and decide about them."""
    return permissions.holds(cast("User", request.user), RecordRight.DECIDE)


def outcome_badge(attempt: Attempt) -> str:
    if not attempt.outcome:
        return badge("under way", "info")
    return badge(attempt.outcome.replace("_", " "), OUTCOMES[Outcome(attempt.outcome)])


def _card(explanation: Explanation, *, may_decide: bool) -> dict[str, Any]:
    state = State(explanation.state)
    return {
        "explanation": explanation,
        "decision": DecisionForm(initial={"seen": explanation.generation}) if state in OPEN and may_decide else None,
        "badge": badge(str(state.label), STATES[state]),
        "page": record_page(explanation.key),
        "attempts": [(attempt, outcome_badge(attempt)) for attempt in explanation.attempts],
    }
