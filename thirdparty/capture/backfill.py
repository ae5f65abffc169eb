"""Owes every record of a target anew: for a target that was emptied, replaced or restored from backup."""

from __future__ import annotations

import time
from collections.abc import Iterator

from thirdparty import targets
from thirdparty.capture import catch_up, versions
from thirdparty.models import Target

_PAUSE_SECONDS = 0.2


def steps(target_name: str, *, resume: bool = False) -> Iterator[int]:
    """Owe the records a thousand at a time, and yield how many each step owed.

    From the first record on, whatever is under way: what was owed before may have been pushed before the target lost
    it. ``resume``: go on with a backfill that was stopped, if one is under way; the reconciler does so by itself.
    Records that people wait for go first: a backfilled one is due after them. Those that somebody holds are left to
    the reconciler (`left`). Raises `Target.DoesNotExist`, and `versions.VersionsDiffer` where another process has to do it.
    """
    versions.require_current()
    target = Target.objects.get(name=target_name)
    if not resume:
        targets.begin_backfill(target_name)
    elif not target.backfill:
        return
    while True:
        step = catch_up.take_step(target_name)
        if step.owed:
            yield step.owed
        target.refresh_from_db()
        if target.owing_to is None and target.swept and not (step.more and left(target_name)):
            return
        if step.held:
            time.sleep(_PAUSE_SECONDS)


def left(target_name: str) -> int:
    """How many were held by somebody, so that they are still to be owed, when they are free."""
    target = Target.objects.get(name=target_name)
    return len(target.owing_left) + len(target.swept_left)
