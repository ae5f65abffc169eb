"""The coloured words that stand for a state, an outcome, a switch."""

from __future__ import annotations

from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from thirdparty.decide.plan import Call
from thirdparty.decide.result import Outcome
from thirdparty.models import Attempt, Record
from thirdparty.models.record import State

STATES = {
    State.PENDING: "warning",
    State.IN_FLIGHT: "info",
    State.UNKNOWN: "doubt",
    State.SYNCED: "success",
    State.PARKED: "danger",
    State.HELD: "danger",
    State.REJECTED: "",
    State.LEFT: "",
    State.DELETED: "",
}
OUTCOMES = {
    Outcome.OK: "success",
    Outcome.TRANSIENT: "warning",
    Outcome.UNKNOWN: "doubt",
    Outcome.REJECTED: "danger",
    Outcome.CRASHED: "danger",
}


OUTCOMES_SAID = {
    Outcome.OK: _("ok"),
    Outcome.TRANSIENT: _("try again"),
    Outcome.UNKNOWN: _("unknown"),
    Outcome.REJECTED: _("rejected"),
    Outcome.CRASHED: _("crashed"),
}
CALLS_SAID = {
    Call.ADD: _("add"),
    Call.UPDATE: _("update"),
    Call.DELETE: _("delete"),
    Call.DEACTIVATE: _("deactivate"),
    Call.CONFIRM: _("confirm"),
    Call.VERIFY: _("verify"),
    Call.RECHECK: _("recheck"),
    Call.WAIT: _("wait"),
    Call.UNLINK: _("unlink"),
    Call.LEAVE: _("leave"),
    Call.NOTHING: _("no call"),
}


def badge(text: str, variant: str = "", *, href: str = "") -> SafeString:
    """``variant``: info, success, warning, danger, doubt or empty (grey); the classes of ``thirdparty/admin.css``."""
    if href:
        return format_html('<a class="sync-badge sync-{}" href="{}">{}</a>', variant or "plain", href, text)
    return format_html('<span class="sync-badge sync-{}">{}</span>', variant or "plain", text)


def state_badge(state: str, *, before: str = "", href: str = "") -> SafeString:
    """A state; ``before``: words in front of it."""
    known = State(state)
    return badge(f"{before} {known.label}".strip(), STATES[known], href=href)


def outcome_badge(attempt: Attempt) -> SafeString:
    """How an attempt ended, if it has."""
    return badge(outcome_in_words(attempt.outcome), OUTCOMES[Outcome(attempt.outcome)] if attempt.outcome else "info")


def outcome_in_words(outcome: str) -> str:
    """A word or two; empty is an attempt that has not ended."""
    return str(OUTCOMES_SAID[Outcome(outcome)]) if outcome else gettext("under way")


def call_in_words(call: str) -> str:
    """What was asked of the target; one of another version as it is called."""
    return str(CALLS_SAID[Call(call)]) if call in list(Call) else call


def record_badges(records: list[Record]) -> SafeString:
    """One per record, each a link to its page."""
    badges = ((state_badge(row.state, before=row.target, href=record_page(row.key)),) for row in records)
    return format_html_join(" ", "{}", badges)


def record_page(key: str) -> str:
    """The address of a record's page."""
    return reverse("admin:thirdparty_record_change", args=[key])
