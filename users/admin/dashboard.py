"""The admin's first page: how the whole stands."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast

from django.http import HttpRequest
from django.urls import reverse

from thirdparty.models.record import State
from thirdparty.observe.status import FIGURES, Figure, Kind, late_tick, remarks, status
from thirdparty.permissions import SEE_RECORDS
from users import permissions
from users.admin.badge import STATES, badge
from users.models import User


def fill(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Unfold's hook for the index page: adds ``status``, its ``alarm`` and a card per target."""
    if permissions.holds(cast("User", request.user), *SEE_RECORDS):
        report = status()
        cards = [_card(name, entry) for name, entry in report.targets.items()]
        context |= {"status": report, "alarm": late_tick(report.reconciler), "targets": cards}
    return context


def _card(name: str, entry: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": name,
        "page": reverse("admin:thirdparty_target_change", args=[name]),
        "columns": [_column(name, figure, entry[figure.name]) for figure in FIGURES if figure.is_column],
        "remarks": remarks(entry),
    }


def _column(target: str, figure: Figure, value: Any) -> dict[str, Any]:
    if figure.name in State.values:
        state = State(figure.name)
        page = f"{reverse('admin:thirdparty_record_changelist')}?sync_state={state}&target={target}"
        return {"value": value, "label": badge(str(state.label), STATES[state]), "page": page}
    if figure.kind is Kind.SECONDS:
        value = timedelta(seconds=round(value)) if value is not None else ""
    return {"value": value, "label": figure.label, "page": ""}
