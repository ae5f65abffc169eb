"""How the whole stands: counts per target and state, and how long the oldest change has waited."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import Count, Min

from thirdparty import protect, targets
from thirdparty.capture import triggers
from thirdparty.models import Record, Target
from thirdparty.models.record import State
from thirdparty.run import tick
from thirdparty.settings import settings

BREAKER_CLOSED = "closed"


def status() -> dict[str, Any]:
    """``{"healthy": bool, "reconciler": LastTick, "targets": {name: {state: count, …, "oldest_unsynced_seconds"} | protect.summary()}}``.

    Healthy: changes are recorded for every configured target, none is away, paused or cut off by its
    breaker, nothing has been owed, or been to be owed, for longer than SYNC_RECONCILE_AFTER_HOURS, and the reconciler
    ticks. Targets that this process does not know are not looked at.
    """
    rows = {target.name: target for target in Target.objects.filter(enabled=True)}
    report = {name: _blank(rows.get(name)) for name in targets.names()}
    now = protect.clock()
    groups = Record.objects.filter(target__in=report).order_by().values("target", "state")
    for group in groups.annotate(count=Count("key"), oldest=Min("owed_since")):
        entry = report[group["target"]]
        entry[group["state"]] = group["count"]
        if group["oldest"] is not None:
            seconds = max((now - group["oldest"]).total_seconds(), 0.0)
            entry["oldest_unsynced_seconds"] = max(seconds, entry["oldest_unsynced_seconds"] or 0.0)
    recorded = set(report) <= set(rows) and not triggers.missing() and not any(map(is_left_behind, rows.values()))
    ticked = tick.last()
    healthy = recorded and not ticked.late and all(map(_well, report.values()))
    reconciler = {"last_tick_at": ticked.at, "seconds": ticked.seconds, "late": ticked.late}
    return {"healthy": healthy, "reconciler": reconciler, "targets": report}


def is_left_behind(target: Target) -> bool:
    """Whether records have lacked what was missed for so long that somebody should look why.

    A transaction that has been open since, a record that somebody holds, or no reconciler.
    """
    longest = timedelta(hours=settings.SYNC_RECONCILE_AFTER_HOURS)
    # A moment in the future says no more than one as far in the past: the clock that wrote it has been set back.
    return target.behind_since is not None and abs(protect.clock() - target.behind_since) > longest


def _blank(target: Target | None) -> dict[str, Any]:
    return {
        **{state.value: 0 for state in State},
        "oldest_unsynced_seconds": None,
        **protect.summary(target if target is not None else Target()),
    }


def _well(entry: dict[str, Any]) -> bool:
    longest_seconds = settings.SYNC_RECONCILE_AFTER_HOURS * 3600
    waited_seconds = entry["oldest_unsynced_seconds"] or 0.0
    return not entry["paused"] and entry["breaker"] == BREAKER_CLOSED and waited_seconds <= longest_seconds
