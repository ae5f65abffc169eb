"""What has been tried at each target and how long acknowledgements took, since the first count: numbers that only grow.

Attempts are pruned, and there may be a million of them, so nobody who asks counts them. The reconciler adds to one row what has
ended since its last count, over the index on their beginnings; a reader reads that row. An attempt is counted
when its lease must be over, and so has ended or never will.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Self

from django.db.models import Count, DurationField, ExpressionWrapper, F, Q, QuerySet, Sum

from thirdparty import protect, targets
from thirdparty.decide.plan import REMOVALS
from thirdparty.decide.result import Outcome
from thirdparty.models import Attempt, KeptTotals, Record
from thirdparty.observe import recent
from thirdparty.observe.recent import Mark, Recent
from thirdparty.settings import settings

BUCKETS = (0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3600.0)
"""Acknowledgements are counted by whether they took at most so many seconds."""
_EVERY = timedelta(seconds=45)
"""What is late is counted along: a million records where a target has been away."""
_AT_ONCE = timedelta(minutes=10)
"""So much time is caught up in one count at most: a reconciler that was away for long does not hold up its tick."""
_ONLY = 1


class What(StrEnum):
    """What was acknowledged: adds and updates, or deletions and deactivations. Each has its own objective."""

    CHANGES = "changes"
    REMOVALS = "removals"

    @property
    def objective_seconds(self) -> float:
        if self is What.REMOVALS:
            return settings.SYNC_OBJECTIVE_REMOVAL_SECONDS
        return settings.SYNC_OBJECTIVE_SECONDS


@dataclass(slots=True)
class Acknowledged:
    """``count`` acknowledgements took ``seconds`` together, ``in_time`` of them within the objective of their day.

    ``buckets``: how many took at most as long as each of `BUCKETS`. ``late``: so many are still owed for longer than the
    objective, when last counted; of all these the only number that may fall.
    """

    count: int = 0
    seconds: float = 0.0
    in_time: int = 0
    buckets: list[int] = field(default_factory=lambda: [0] * len(BUCKETS))
    late: int = 0


@dataclass(slots=True)
class Totals:
    """Of one target. ``outcomes``: how many attempts ended how. ``marks``: of the last day (`thirdparty.observe.recent`)."""

    outcomes: dict[str, int] = field(default_factory=lambda: {outcome.value: 0 for outcome in Outcome})
    changes: Acknowledged = field(default_factory=Acknowledged)
    removals: Acknowledged = field(default_factory=Acknowledged)
    marks: list[Mark] = field(default_factory=list)

    def since(self, span: timedelta) -> Recent:
        """What has come in the last so long, by the last count."""
        return recent.since(self.marks, self._marked(0.0), span)

    def mark(self, at: datetime) -> None:
        """Remember how many there are now, if it is time, and forget what nobody needs any more."""
        self.marks = recent.mark(self.marks, self._marked(at.timestamp()))

    def _marked(self, at: float) -> Mark:
        acknowledged = self.changes.count + self.removals.count
        return Mark(at, acknowledged, self.changes.in_time + self.removals.in_time, dict(self.outcomes))

    def of(self, what: What) -> Acknowledged:
        return self.removals if what is What.REMOVALS else self.changes

    @classmethod
    def from_json(cls, plain: Mapping[str, Any] | None) -> Self:
        """What was stored. Of other buckets, or other marks, than today's nothing can be taken over: those begin anew."""
        totals = cls()
        if plain is not None:
            totals.outcomes |= plain["outcomes"]
            totals.marks = [Mark(**each) for each in plain["marks"] if set(each) == set(Mark.__slots__)]
            for what in What:
                stored = Acknowledged(**plain[what.value])
                if len(stored.buckets) == len(BUCKETS):
                    setattr(totals, what.value, stored)
        return totals


def totals(names: Collection[str]) -> dict[str, Totals]:
    """Of these targets, as last counted; zeros where nothing has been."""
    kept = KeptTotals.objects.filter(pk=_ONLY).first()
    body = kept.body if kept is not None else {}
    return {name: Totals.from_json(body.get(name)) for name in names}


def count() -> bool:
    """Add what has ended since the last count. False where it is not time, or another process was quicker."""
    KeptTotals.objects.bulk_create([KeptTotals(pk=_ONLY)], ignore_conflicts=True)
    kept = KeptTotals.objects.get(pk=_ONLY)
    over = protect.clock() - timedelta(seconds=settings.SYNC_LEASE_SECONDS + settings.SYNC_DATABASE_TIMEOUT_SECONDS)
    # Counted to the future: by a clock that has been set back.
    since = over if kept.counted_to is None else min(kept.counted_to, over)
    to = min(over, since + _AT_ONCE)
    if kept.counted_to is not None and timedelta(0) <= to - kept.counted_to < _EVERY:
        return False
    found = {name: Totals.from_json(kept.body.get(name)) for name in targets.names()}
    for each in found.values():
        each.mark(since)
    _add_attempts(found, since, to)
    _set_late(found)
    body = {name: asdict(each) for name, each in found.items()}
    ours = KeptTotals.objects.filter(pk=_ONLY, counted_to=kept.counted_to)
    return bool(ours.update(body=kept.body | body, counted_to=to))


def _add_attempts(found: Mapping[str, Totals], since: datetime, to: datetime) -> None:
    for row in _grouped(since, to):
        if (of_target := found.get(row["record__target"])) is None:
            continue
        # Open after its lease: its worker has died, or is as good as dead.
        outcome = row["outcome"] or Outcome.CRASHED.value
        of_target.outcomes[outcome] = of_target.outcomes.get(outcome, 0) + row["tried"]
        kept = of_target.of(_what(removed=row["call"] in REMOVALS))
        kept.count += row["count"]
        kept.in_time += row["in_time"]
        kept.seconds += max((row["took_together"] or timedelta(0)).total_seconds(), 0.0)
        kept.buckets = [before + row[f"bucket_{nth}"] for nth, before in enumerate(kept.buckets)]


def _grouped(since: datetime, to: datetime) -> QuerySet[Any, Any]:
    took = ExpressionWrapper(F("finished_at") - F("owed_since"), output_field=DurationField())
    counts = Q(acknowledged=True, owed_since__isnull=False, finished_at__isnull=False)

    def within(seconds: float) -> Q:
        return counts & Q(took__lte=timedelta(seconds=seconds))

    removal = Q(call__in=REMOVALS)
    in_time = (within(What.REMOVALS.objective_seconds) & removal) | (within(What.CHANGES.objective_seconds) & ~removal)
    return (
        Attempt.objects.filter(started_at__gte=since, started_at__lt=to)
        .annotate(took=took)
        .order_by()
        .values("record__target", "call", "outcome")
        .annotate(
            tried=Count("id"),
            count=Count("id", filter=counts),
            in_time=Count("id", filter=in_time),
            took_together=Sum("took", filter=counts),
            **{f"bucket_{nth}": Count("id", filter=within(seconds)) for nth, seconds in enumerate(BUCKETS)},
        )
    )


def _set_late(found: Mapping[str, Totals]) -> None:
    now = protect.clock()
    for what in What:
        removed = what is What.REMOVALS
        late = Record.objects.filter(owed_since__lt=now - timedelta(seconds=what.objective_seconds), deleted=removed)
        counted = dict(late.order_by().values_list("target").annotate(Count("key")))
        for name, each in found.items():
            each.of(what).late = counted.get(name, 0)


def _what(*, removed: bool) -> What:
    return What.REMOVALS if removed else What.CHANGES
