"""End strict writes without their change."""

from __future__ import annotations

import logging
from typing import Any

from django.db import OperationalError, transaction
from django.db.models import QuerySet

from thirdparty.consistency.strict.durations import impossible_seconds
from thirdparty.models import Record, StrictWrite
from thirdparty.store import strict_rows
from thirdparty.store.contention import is_contention

_SWEPT_AT_ONCE = 1_000

logger = logging.getLogger(__name__)


def take_back(strict_write: StrictWrite) -> bool:
    """End the strict write without its change; owe whatever a target may have taken. False when it had ended."""
    with transaction.atomic():
        ended, _ = StrictWrite.objects.filter(token=strict_write.token).delete()
        if ended:
            strict_rows.owe_undoing(strict_write.ref)
    return bool(ended)


def sweep() -> int:
    """Take back the strict writes whose process died. Returns how many; one whose records somebody holds has to wait."""
    return sum(_taken_back_if_free(strict_write) for strict_write in _expired())


def take_back_expired(**which: Any) -> int:
    """The same for those of the given object or natural key alone, waiting for whoever holds their records."""
    return sum(take_back(strict_write) for strict_write in _expired(**which))


def _expired(**which: Any) -> QuerySet[StrictWrite]:
    expired = StrictWrite.objects.expired(longest_seconds=impossible_seconds()).filter(**which)
    return expired.order_by("id")[:_SWEPT_AT_ONCE]


def _taken_back_if_free(strict_write: StrictWrite) -> bool:
    try:
        with transaction.atomic():
            list(StrictWrite.objects.select_for_update(nowait=True).filter(token=strict_write.token))
            records = Record.objects.of(strict_write.ref).select_for_update(nowait=True)
            list(records.order_by("key").values_list("key"))
            return take_back(strict_write)
    except OperationalError as problem:
        if not is_contention(problem):
            raise
        logger.info("strict write of %s: its records are held, it is taken back later", strict_write.ref)
        return False
