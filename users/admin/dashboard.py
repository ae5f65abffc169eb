"""The admin's first page: how the whole stands."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast

from django.http import HttpRequest
from django.urls import reverse

from thirdparty.capture import triggers
from thirdparty.models.record import State
from thirdparty.observe.status import BREAKER_CLOSED, status
from users import permissions
from users.admin.badge import STATES, badge
from users.models import User
from users.permissions import SEE_RECORDS


def fill(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Unfold's hook for the index page: adds ``healthy``, ``triggers_missing`` and a card per target."""
    if permissions.holds(cast("User", request.user), *SEE_RECORDS):
        report = status()
        context["healthy"] = report["healthy"]
        context["ticks"] = report["reconciler"]
        context["triggers_missing"] = triggers.missing()
        context["targets"] = [_card(name, entry) for name, entry in report["targets"].items()]
    return context


def _card(name: str, entry: dict[str, Any]) -> dict[str, Any]:
    seconds = entry["oldest_unsynced_seconds"]
    page = reverse("admin:thirdparty_record_changelist")
    counts = [
        {
            "label": state.label,
            "count": entry[state],
            "page": f"{page}?sync_state={state}&target={name}",
            "state": state,
        }
        for state in State
    ]
    owed = sum(entry[state] for state in State) - entry[State.SYNCED] - entry[State.DELETED]
    return {
        "name": name,
        "page": reverse("admin:thirdparty_target_change", args=[name]),
        "counts": [item | {"badge": badge(str(item["label"]), STATES[item["state"]])} for item in counts],
        "owed": owed,
        "oldest": timedelta(seconds=round(seconds)) if seconds is not None else None,
        "paused": entry["paused"],
        "breaker": entry["breaker"],
        "cut_off": entry["breaker"] != BREAKER_CLOSED,
    }
