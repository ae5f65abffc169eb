"""End strict writes without their change."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from users.models import StrictWrite
from users.sync.outbox import strict_rows
from users.sync.strict.durations import impossible_seconds

_SWEPT_AT_ONCE = 1_000


def take_back(strict_write: StrictWrite) -> bool:
    """End the strict write without its change; owe whatever a target may have taken. False when it had ended."""
    with transaction.atomic():
        ended, _ = StrictWrite.objects.filter(token=strict_write.token).delete()
        if ended:
            strict_rows.owe_undoing(strict_write.user_uuid)
    return bool(ended)


def sweep() -> int:
    """Take back the strict writes whose process died. Returns how many."""
    return take_back_expired()


def take_back_expired(**which: Any) -> int:
    """The same for those of the given user or username alone."""
    expired = StrictWrite.objects.expired(longest_seconds=impossible_seconds()).filter(**which).order_by("id")
    return sum(take_back(strict_write) for strict_write in expired[:_SWEPT_AT_ONCE])
