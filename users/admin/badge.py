"""The coloured words that stand for a state, an outcome, a switch."""

from __future__ import annotations

from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from thirdparty.decide.result import Outcome
from thirdparty.models import Record
from thirdparty.models.record import State

STATES = {
    State.PENDING: "warning",
    State.IN_FLIGHT: "info",
    State.UNKNOWN: "primary",
    State.SYNCED: "success",
    State.PARKED: "danger",
    State.HELD: "danger",
    State.DELETED: "",
}
OUTCOMES = {
    Outcome.OK: "success",
    Outcome.TRANSIENT: "warning",
    Outcome.UNKNOWN: "primary",
    Outcome.REJECTED: "danger",
    Outcome.CRASHED: "danger",
}


def badge(text: str, variant: str, *, href: str = "") -> SafeString:
    """``variant``: info, success, warning, danger, primary or empty (grey)."""
    context = {"text": text, "variant": variant, "href": href, "size": "md"}
    return render_to_string("unfold/helpers/label.html", context)


def record_badges(records: list[Record]) -> SafeString:
    """One per target, each a link to the record's page."""
    badges = (
        (badge(f"{row.target} {State(row.state).label}", STATES[State(row.state)], href=record_page(row.key)),)
        for row in records
    )
    return format_html_join(" ", "{}", badges)


def record_page(key: str) -> str:
    """The address of a record's page."""
    return reverse("admin:thirdparty_record_change", args=[key])
