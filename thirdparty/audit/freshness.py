"""How long changes took from the save to the acknowledgement, from the attempts that acknowledged them.

An acknowledgement counts once, from the first change that it covers: edits that were coalesced into one push are one. What
is still owed for longer than it should is counted as late, or a target that takes nothing would look quick.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import DurationField, ExpressionWrapper, F, QuerySet
from django.db.models.functions import Now

from thirdparty.decide.plan import REMOVALS
from thirdparty.models import Attempt, Record
from thirdparty.settings import settings

HOURS = 24.0
"""Of the last so many hours."""
_PERCENTILES = (50, 95, 99)


@dataclass(frozen=True, slots=True)
class Freshness:
    """``share``: of those acknowledged within the objective among these and those that are owed beyond it; None for none.

    ``percentiles``: of the acknowledged, in seconds.
    """

    objective_seconds: float
    acknowledged: int
    within: int
    owed_beyond: int
    share: float | None
    percentiles: dict[str, float]


def changes(target: str) -> Freshness:
    """Of adds and updates at this target."""
    owed = Record.objects.filter(target=target, deleted=False)
    return _freshness(_acknowledged(target).exclude(call__in=REMOVALS), owed, settings.SYNC_OBJECTIVE_SECONDS)


def removals(target: str) -> Freshness:
    """Of deletions and deactivations at this target; what is still owed: of objects that are gone."""
    owed = Record.objects.filter(target=target, deleted=True)
    return _freshness(_acknowledged(target).filter(call__in=REMOVALS), owed, settings.SYNC_OBJECTIVE_REMOVAL_SECONDS)


def _acknowledged(target: str) -> QuerySet[Any]:
    since = Now() - timedelta(hours=HOURS)
    found = Attempt.objects.filter(
        started_at__gte=since, acknowledged=True, owed_since__isnull=False, record__target=target
    )
    took = ExpressionWrapper(F("finished_at") - F("owed_since"), output_field=DurationField())
    return found.annotate(took=took)


def _freshness(acknowledged: QuerySet[Any], owed: QuerySet[Record], objective_seconds: float) -> Freshness:
    objective = timedelta(seconds=objective_seconds)
    count = acknowledged.count()
    within = acknowledged.filter(took__lte=objective).count()
    beyond = owed.filter(owed_since__lt=Now() - objective).count()
    return Freshness(
        objective_seconds=objective_seconds,
        acknowledged=count,
        within=within,
        owed_beyond=beyond,
        share=within / (count + beyond) if count + beyond else None,
        percentiles={f"p{each}": _percentile(acknowledged, count, each) for each in _PERCENTILES if count},
    )


def _percentile(acknowledged: QuerySet[Any], count: int, percent: int) -> float:
    """The nearest rank: the smallest that so many per cent do not exceed."""
    rank = max(-(-count * percent // 100), 1)
    took: timedelta = acknowledged.order_by("took").values_list("took", flat=True)[rank - 1]
    return max(took.total_seconds(), 0.0)
