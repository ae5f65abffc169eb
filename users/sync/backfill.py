"""Owes every record of a target anew: for a target that was emptied, replaced or restored from backup."""

from __future__ import annotations

from collections.abc import Iterator

from django.db import transaction

from thirdparty.models import Target
from users.models import UserSync
from users.sync import outbox, sweep

ROWS_PER_STEP = 1_000


def steps(target_name: str) -> Iterator[int]:
    """Owe the records a thousand at a time, and yield how many each step owed.

    Each step commits with the place where the next one begins, so a backfill that was stopped goes on
    where it was. Records that people wait for go first: a backfilled one is due after them.
    Raises `Target.DoesNotExist`.
    """
    sweep.begin_again(target_name)
    while not Target.objects.get(name=target_name).swept:
        sweep.add_missing(target_name)
    while True:
        with transaction.atomic():
            target = Target.objects.select_for_update().get(name=target_name)
            later = UserSync.objects.filter(target=target_name, key__gt=target.backfilled_to).order_by("key")
            keys = list(later.values_list("key", flat=True)[:ROWS_PER_STEP])
            owed = outbox.owe_again(keys) if keys else 0
            target.backfilled_to = keys[-1] if keys else ""
            target.save(update_fields=["backfilled_to"])
        if not keys:
            return
        yield owed
