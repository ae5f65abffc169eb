"""Have records looked at now: the smallest thing that a person can do about them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Count, QuerySet

from thirdparty import audit_log, permissions, store
from thirdparty.models import Record, Target
from thirdparty.notify import hints
from thirdparty.permissions import OPERATOR, Account, Acting, Right
from thirdparty.store.contention import StillHeld

MOST_AT_ONCE = 5_000
"""A person's word reaches no further than this many records; for more, they say it again."""
_BATCH = 500

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LookedAt:
    """So many are due now; ``more``: others were meant, beyond `MOST_AT_ONCE`."""

    count: int
    more: bool


def look_now(
    records: QuerySet[Record], *, by: Account = OPERATOR, progress: Callable[[int], None] = lambda _: None
) -> int:
    """Make these records due at once, parked ones too, and wake them. Returns how many. Long lists go in batches, after each of which
    ``progress`` is called with how many are due by then.

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
        progress(looked_at)
    if held:
        raise StillHeld(looked_at)
    return looked_at


def look_now_together(records: QuerySet[Record], *, what: str, by: Account = OPERATOR) -> LookedAt:
    """`look_now` for at most `MOST_AT_ONCE` of them; ``what`` they are is noted in the history of their targets. Raises as it does."""
    permissions.require(by, Right.DECIDE)
    keys = list(records.order_by("key").values_list("key", flat=True)[: MOST_AT_ONCE + 1])
    meant = Record.objects.filter(key__in=keys[:MOST_AT_ONCE])
    note_on_targets(meant, f"to be looked at now: {what}", by)
    return LookedAt(look_now(meant, by=by), more=len(keys) > MOST_AT_ONCE)


def note_on_targets(records: QuerySet[Record], what: str, by: Account) -> None:
    """Who asked, and for how many, in the history of each target that they are at; without an account, in the log."""
    counted = dict(records.order_by().values_list("target").annotate(Count("key")))
    for target in Target.objects.filter(name__in=counted):
        sentence = f"{counted[target.name]} records {what}"
        if isinstance(by, Acting):
            logger.warning("target %s: %s, by an operator", target.name, sentence)
        else:
            audit_log.record(by, target, audit_log.CHANGE, sentence)
