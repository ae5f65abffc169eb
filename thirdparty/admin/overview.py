"""How the whole stands, for people."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from thirdparty import permissions
from thirdparty.admin.badge import badge, record_page, state_badge
from thirdparty.admin.chart import Chart, charts
from thirdparty.admin.facts import facts
from thirdparty.admin.lately import lately, objective
from thirdparty.models.heartbeat import Role
from thirdparty.models.record import State
from thirdparty.observe.figure import Figure, Kind
from thirdparty.observe.numbers import grouped
from thirdparty.observe.reasons import Reason, Seen, Severity, words
from thirdparty.observe.status import FIGURES, OLDEST, Status, status
from thirdparty.permissions import SEE_RECORDS, Account
from thirdparty.run.tick import LastTick

_STYLES = {Severity.ACT: "sync-alarm", Severity.WAIT: "sync-remark", Severity.INFO: "sync-note"}


_LABELS = [
    gettext_noop("oldest unsynced"),
    gettext_noop("outdated"),
    gettext_noop("drift"),
    gettext_noop("audit age"),
    gettext_noop("acknowledged"),
    gettext_noop("percent in time"),
    gettext_noop("failed"),
    gettext_noop("failed by outcome"),
]
"""Labels of figures, which are made of their names: for the translators."""


def overview(account: Account) -> dict[str, Any]:
    """The context of ``thirdparty/admin/status.html``; empty for an account that may not see records."""
    if not permissions.holds(account, *SEE_RECORDS):
        return {}
    seen = Seen()
    report = status(seen)
    drawn = charts(report.targets, seen.now)
    return {
        "status": report,
        "alive": _alive(seen),
        "last_tick": _last_tick(report.reconciler),
        "health": badge(_("healthy"), "success") if report.healthy else badge(_("not healthy"), "danger"),
        "reasons": [_told(reason) for reason in report.reasons if not reason.target],
        "targets": [_card(name, report, drawn, seen) for name in report.targets],
    }


def _alive(seen: Seen) -> str:
    """Who has been seen at work a moment ago."""
    counted = Counter(heartbeat.role for heartbeat in seen.heartbeats if seen.is_alive(heartbeat))
    workers, beats = counted[Role.WORKER], counted[Role.BEAT]
    given = {
        "workers": ngettext("%(count)d worker", "%(count)d workers", workers) % {"count": workers},
        "beats": ngettext("%(count)d beat", "%(count)d beats", beats) % {"count": beats},
    }
    return _("at work: %(workers)s, %(beats)s") % given


def _last_tick(tick: LastTick) -> str:
    """How long ago the reconciler last began to work."""
    if tick.at is None or tick.seconds is None:
        return _("no tick yet")
    return _("last tick %(long)s ago") % {"long": words.duration(tick.seconds)}


def card(name: str) -> dict[str, Any]:
    """The context of ``thirdparty/admin/target_card.html`` for one target that settings name."""
    seen = Seen()
    return _card(name, status(seen), charts([name], seen.now), seen)


def _card(name: str, report: Status, drawn: dict[str, Chart], seen: Seen) -> dict[str, Any]:
    entry = report.targets[name]
    return {
        "name": name,
        "chart": drawn.get(name),
        "headline": report.headlines[name],
        "page": reverse("admin:thirdparty_target_change", args=[name]),
        "columns": [_column(name, figure, entry) for figure in FIGURES if figure.is_column and figure.span is None],
        "facts": facts(name, entry, seen),
        "lately": lately(entry),
        "objective": objective(),
        "figures_age": report.figures_age,
        "reasons": [_told(reason) for reason in report.reasons if reason.target == name],
    }


def _told(reason: Reason) -> dict[str, Any]:
    return {
        "sentence": reason.sentence,
        "style": _STYLES[reason.severity],
        "page": reason.link.url if reason.link is not None else "",
    }


def _column(target: str, figure: Figure, entry: dict[str, Any]) -> dict[str, Any]:
    value = entry[figure.name]
    if figure.name in State.values:
        more = "+" if figure.name in entry["at_least"] else ""
        value = f"{grouped(value)}{more}" if value else value
        page = f"{reverse('admin:thirdparty_record_changelist')}?sync_state={figure.name}&target={target}"
        return {"value": value, "label": state_badge(figure.name), "page": page}
    if figure.kind is Kind.SECONDS:
        value = words.duration(value) if value is not None else "-"
    page = (
        record_page(entry["oldest_unsynced_record"])
        if figure.name == OLDEST and entry["oldest_unsynced_record"]
        else ""
    )
    return {"value": value, "label": _(figure.label), "page": page}
