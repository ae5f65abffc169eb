"""Owes every record of a target anew: for a target that was emptied, replaced or restored from backup."""

from __future__ import annotations

import time
from collections.abc import Iterator

from thirdparty import targets
from thirdparty.models import Target
from users.sync import catch_up

_PAUSE_SECONDS = 0.2


def steps(target_name: str) -> Iterator[int]:
    """Owe the records a thousand at a time, and yield how many each step owed.

    One that was stopped goes on where it was, here or at the reconciler's ticks. Records that people wait for go
    first: a backfilled one is due after them. One that somebody holds is waited for.
    Raises `Target.DoesNotExist`.
    """
    if Target.objects.get(name=target_name).owing_to is None:
        targets.owe_anew(target_name)
    while True:
        target = Target.objects.get(name=target_name)
        if target.owing_to is None and target.swept:
            return
        step = catch_up.take_step(target_name)
        if step.held:
            time.sleep(_PAUSE_SECONDS)
        if step.owed:
            yield step.owed
