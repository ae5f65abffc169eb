"""Brings a target's records up to what may have been missed: when it was enabled, while triggers were, for a backfill.

Everything is done in batches, each committed before its place is written on the target's row, which is never held
meanwhile: whoever is killed, the next goes on where it was. Records are due behind what people wait for.

1. Whoever may not have seen that the target was enabled is waited for (`users.sync.fence`); for so long at most, after
   which those who can be served are, and all are once more when the last has ended.
2. Records that are there are owed anew, where that was asked for (`targets.owe_anew`) or somebody had been waited for.
3. Users without a record get one (`users.sync.sweep`).
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import F
from django.db.models.functions import Now

from thirdparty.models import FENCE_TO_DRAW, Target
from users.sync import fence, outbox, sweep

AT_ONCE = 1_000
LONGEST_WAIT = timedelta(seconds=60)
"""For transactions from before the enabling, before the records of all others are begun with."""
_SECONDS = 2.0
_PAUSE_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Step:
    """What one step did. ``more``: the next may be taken at once; ``held``: not yet, somebody is in the way."""

    owed: int = 0
    more: bool = False
    held: bool = False


def go_on(target: str, *, seconds: float = _SECONDS) -> int:
    """Catch up for ``seconds`` at most, or look at the next handful of users, if all is well. Returns how many were owed."""
    until = time.monotonic() + seconds
    owed = 0
    while True:
        step = take_step(target)
        owed += step.owed
        if not (step.more or step.held) or time.monotonic() >= until:
            return owed
        if step.held:
            time.sleep(_PAUSE_SECONDS)


def take_step(name: str) -> Step:
    """Owe some records, or say why none can be."""
    target = Target.objects.filter(name=name, retired=False).first()
    if target is None:
        return Step()
    if target.fence is not None:
        if target.fence == FENCE_TO_DRAW:
            fence.draw(name)
            return Step(more=True)
        if not fence.is_anybody_older(target.fence):
            return _pass_fence(target, target.fence)
        if Target.objects.filter(name=name, behind_since__gt=Now() - LONGEST_WAIT).exists():
            return Step(held=True)
    if target.owing_to is not None:
        return _owe_next(target, target.owing_to)
    return _sweep_next(target)


def _pass_fence(target: Target, fence_passed: int) -> Step:
    """All is visible now. Records made meanwhile may lack what was not; users who were not visible have none."""
    Target.objects.filter(name=target.name, fence=fence_passed).update(
        fence=None, owing_to="", swept=False, swept_to=0, round=F("round") + 1
    )
    return Step(more=True)


def _owe_next(target: Target, after: str) -> Step:
    walked = outbox.owe_next(target.name, after, AT_ONCE)
    if not walked.held:
        Target.objects.filter(name=target.name, round=target.round, owing_to=after).update(owing_to=walked.to)
    return Step(walked.owed, more=not walked.held, held=walked.held)


def _sweep_next(target: Target) -> Step:
    swept = sweep.add_next(target.name, target.swept_to, AT_ONCE)
    place = Target.objects.filter(name=target.name, round=target.round, swept_to=target.swept_to)
    if swept.to is None:
        place.update(swept_to=0, swept=True)
        Target.objects.filter(name=target.name, round=target.round, swept=True, owing_to=None, fence=None).update(
            behind_since=None
        )
    elif not swept.held:
        place.update(swept_to=swept.to)
    more = not swept.held and swept.to is not None and (not target.swept or swept.added > 0)
    return Step(swept.added, more=more, held=swept.held)
