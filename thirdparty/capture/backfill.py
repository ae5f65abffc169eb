"""Owes every record of a target anew: for a target that was emptied, replaced or restored from backup."""

from __future__ import annotations

import time
from collections.abc import Iterator

from django.db import OperationalError

from thirdparty import targets
from thirdparty.capture import catch_up, versions
from thirdparty.models import Target
from thirdparty.store.contention import is_contention

_PAUSE_SECONDS = 0.2
_PATIENCE_SECONDS = 60.0
"""Whoever else writes goes first, for so long. What is owed by then stays owed, and the reconciler goes on with the rest."""


def steps(target_name: str, *, resume: bool = False) -> Iterator[int]:
    """Owe the records a thousand at a time, and yield how many each step owed.

    From the first record on, whatever is under way: what was owed before may have been pushed before the target lost
    it. ``resume``: go on with a backfill that was stopped, if one is under way; the reconciler does so by itself.
    Records that people wait for go first: a backfilled one is due after them. Those that somebody holds are left to
    the reconciler (`left`). Raises `Target.DoesNotExist`, `versions.VersionsDiffer` where another process has to do it, and
    `OperationalError` where others keep the database for a minute; the reconciler goes on then, too.
    """
    versions.require_current()
    target = Target.objects.get(name=target_name)
    if not resume:
        targets.begin_backfill(target_name)
    elif not target.backfill:
        return
    patient_until = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            step = catch_up.take_step(target_name)
        except OperationalError as error:
            if not is_contention(error) or time.monotonic() > patient_until:
                raise
            time.sleep(_PAUSE_SECONDS)
            continue
        patient_until = time.monotonic() + _PATIENCE_SECONDS
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
