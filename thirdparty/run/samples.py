"""A figure a minute for each target: backlog and outcomes, kept for two days.

What is counted is what is owed and what was tried, over their indexes, never all records.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from django.db.models import Count
from django.db.models.functions import Now

from thirdparty import protect, targets
from thirdparty.decide.result import Outcome
from thirdparty.models import Attempt, Record, Sample
from thirdparty.models.record import State

KEPT_FOR = timedelta(days=2)
MINUTE = timedelta(minutes=1)
_STUCK = (State.PARKED, State.HELD)


def take() -> int:
    """Write this minute's samples, unless there are some. Returns how many."""
    minute = protect.clock().replace(second=0, microsecond=0)
    if Sample.objects.filter(at=minute).exists():
        return 0
    states = Record.objects.filter(owed_since__isnull=False).order_by().values_list("target", "state")
    waiting, stuck = Counter[str](), Counter[str]()
    for target, state, count in states.annotate(Count("key")):
        (stuck if state in _STUCK else waiting)[target] += count
    tried = Attempt.objects.filter(started_at__gte=minute - MINUTE, started_at__lt=minute).exclude(outcome="")
    well, badly = Counter[str](), Counter[str]()
    for target, outcome, count in tried.order_by().values_list("record__target", "outcome").annotate(Count("id")):
        (well if outcome == Outcome.OK else badly)[target] += count
    samples = [
        Sample(target=name, at=minute, owed=waiting[name], parked=stuck[name], ok=well[name], failed=badly[name])
        for name in targets.names()
    ]
    return len(Sample.objects.bulk_create(samples, ignore_conflicts=True))


def prune_some(kept_for: timedelta) -> int:
    """Forget older ones."""
    return Sample.objects.filter(at__lt=Now() - kept_for).delete()[0]
