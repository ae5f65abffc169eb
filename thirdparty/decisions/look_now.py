"""Have records looked at now: the smallest thing that a person can do about them."""

from __future__ import annotations

from django.db import transaction
from django.db.models import QuerySet

from thirdparty import permissions, store
from thirdparty.models import Record
from thirdparty.notify import hints
from thirdparty.permissions import OPERATOR, Account, Right
from thirdparty.store.contention import StillHeld

_BATCH = 500


def look_now(records: QuerySet[Record], *, by: Account = OPERATOR) -> int:
    """Make these records due at once, parked ones too, and wake them. Returns how many. Long lists go in batches.

    Raises `NotAllowed`; or, once all others are due, `StillHeld`.
    """
    permissions.require(by, Right.DECIDE)
    rows = records.order_by("key").values_list("key", "target")
    looked_at, last, held = 0, "", False
    while batch := list(rows.filter(key__gt=last)[:_BATCH]):
        try:
            looked_at += store.look_now([key for key, _ in batch])
        except StillHeld as some:
            looked_at, held = looked_at + some.looked_at, True
        with transaction.atomic():  # so that there is one hint for many
            for key, target in batch:
                hints.record_on_commit(target, key)
        last, _ = batch[-1]
    if held:
        raise StillHeld(looked_at)
    return looked_at
