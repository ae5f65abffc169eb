"""Brings a target's records up to what may have been missed: when it was enabled, while triggers were, for a backfill.

Everything is done in batches, each committed before its place is written on the target's row, which is never held
meanwhile: whoever is killed, the next goes on where it was. Records are due behind what people wait for.

Who is held by somebody is noted there and passed by, so that one long transaction keeps nobody else waiting; `MOST_LEFT`
of them at most. They are owed when they are free.

1. Whoever may not have seen that the target was enabled is waited for (`thirdparty.capture.fence`); for so long at most, after
   which those who can be served are, and all are once more when the last has ended.
2. Records that are there are owed anew: for a backfill (`targets.begin_backfill`), or where changes may have gone
   unrecorded (`targets.owe_anew`), as where somebody had been waited for; those of one kind, where its declaration has a
   new version (`targets.owe_raised`): all of them, or a sample while that is tried (`targets.on_trial`).
3. Objects without a record get one (`thirdparty.capture.missing_rows`).

Which objects there are to be is said by the declarations, so a process that has others than the database leaves all this
to those that have the same.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Q
from django.db.models.functions import Now

from thirdparty import store, targets
from thirdparty.capture import fence, missing_rows, versions
from thirdparty.models.target import FENCE_TO_DRAW, Target

AT_ONCE = 1_000
MOST_LEFT = 100
"""So many held records, and as many held objects, are noted on the target's row; a walk waits with any more of them."""
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
    """Catch up for ``seconds`` at most, or look at the next handful of objects, if all is well. Returns how many were owed."""
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
    if target is None or versions.differences():
        return Step()
    if target.fence is not None:
        if target.fence == FENCE_TO_DRAW:
            fence.draw(name)
            return Step(more=True)
        if not fence.is_anybody_older(target.fence):
            return _pass_fence(target, target.fence)
        if Target.objects.filter(name=name, behind_since__range=(Now() - LONGEST_WAIT, Now() + LONGEST_WAIT)).exists():
            return Step(held=True)
    step = None
    if target.owing_to is not None:
        step = _owe_next(target, target.owing_to)
    elif not (target.swept and (target.owing_left or target.swept_left)):
        step = _sweep_next(target)
    return step or _owe_left(target)


def _pass_fence(target: Target, fence_passed: int) -> Step:
    """All is visible now. Records made meanwhile may lack what was not; objects that were not visible have none."""
    Target.objects.filter(name=target.name, fence=fence_passed).update(
        fence=None, unrecorded=True, **targets.from_the_first()
    )
    return Step(more=True)


def _why(target: Target) -> store.Why:
    reasons = target.unrecorded, target.backfill, tuple(target.raised), targets.on_trial(target)
    return store.Why(*reasons, round=target.round)


def _owe_next(target: Target, after: str) -> Step | None:
    """None where no more may be left out."""
    walked = store.owe_next(target.name, after, AT_ONCE, _why(target), most_left=MOST_LEFT - len(target.owing_left))
    if walked.to == after:
        return None
    _move(target, owing_to=walked.to, owing_left=[*target.owing_left, *walked.left])
    return Step(walked.owed, more=True)


def _sweep_next(target: Target) -> Step | None:
    """None where no more may be left out. In the slow round anybody may be: the next comes by."""
    most_left = AT_ONCE if target.swept else MOST_LEFT - len(target.swept_left)
    swept = missing_rows.add_next(target.name, target.swept_to, AT_ONCE, most_left=most_left)
    if swept.to == target.swept_to:
        return None
    if swept.to is None:
        _move(target, swept_to=missing_rows.START, swept=True)
        return Step(swept.added, more=bool(target.owing_left or target.swept_left))
    left = [] if target.swept else [*target.swept_left, *swept.left]
    _move(target, swept_to=swept.to, swept_left=left)
    return Step(swept.added, more=not target.swept or swept.added > 0)


def _owe_left(target: Target) -> Step:
    owed, keys, ids = 0, target.owing_left, target.swept_left
    if keys:
        owed, keys = store.owe_left(keys, _why(target))
    if ids:
        added, ids = missing_rows.add_left(target.name, ids)
        owed += added
    _move(target, owing_left=keys, swept_left=ids)
    return Step(owed, more=(keys, ids) != (target.owing_left, target.swept_left), held=bool(keys or ids))


def _move(target: Target, **places: Any) -> None:
    """Write down how far it is, unless somebody else has meanwhile, or it has begun anew; and what is done with."""
    here = Target.objects.filter(name=target.name, round=target.round)
    here.filter(
        owing_to=target.owing_to, owing_left=target.owing_left, swept_to=target.swept_to, swept_left=target.swept_left
    ).update(**places)
    owed = here.filter(owing_to=None, owing_left=[])
    # Whoever changes these begins a new round, which this is not part of.
    owed.filter(Q(unrecorded=True) | Q(backfill=True) | ~Q(raised={})).update(
        unrecorded=False, backfill=False, raised=targets.on_trial(target)
    )
    owed.filter(swept=True, swept_left=[], fence=None, behind_since__isnull=False).update(behind_since=None)
