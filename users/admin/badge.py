"""The coloured words that stand for a state, an outcome, a switch."""

from __future__ import annotations

from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from users.models import UserSync
from users.models.sync import State
from users.sync.settlement import Outcome

STATES = {
    State.PENDING: "warning",
    State.IN_FLIGHT: "info",
    State.UNKNOWN: "primary",
    State.SYNCED: "success",
    State.DEAD: "danger",
    State.HELD: "danger",
    State.DELETED: "",
}
OUTCOMES = {
    Outcome.OK: "success",
    Outcome.TRY_LATER: "warning",
    Outcome.UNKNOWN: "primary",
    Outcome.REJECTED: "danger",
    Outcome.CRASHED: "danger",
}


def badge(text: str, variant: str, *, href: str = "") -> SafeString:
    """``variant``: info, success, warning, danger, primary or empty (grey)."""
    context = {"text": text, "variant": variant, "href": href, "size": "md"}
    return render_to_string("unfold/helpers/label.html", context)


def record_badges(records: list[UserSync]) -> SafeString:
    """One per target, each a link to the record's page."""
    badges = (
        (badge(f"{row.target} {State(row.state).label}", STATES[State(row.state)], href=record_page(row.key)),)
        for row in records
    )
    return format_html_join(" ", "{}", badges)


def record_page(key: str) -> str:
    """The address of a record's page."""
    return reverse("admin:users_usersync_change", args=[key])
