"""The store's statements for one record alone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models.functions import Now

from thirdparty import store
from thirdparty.decide.lease import Lease, Terms
from thirdparty.decide.plan import Call
from thirdparty.decide.result import FinishedStep, StepResult
from thirdparty.models import Record
from thirdparty.store import OpenedAttempt


def claim(
    key: str,
    *,
    lease_seconds: float = 60,
    visibility_seconds: float = 60,
    delete_after_seconds: float | None = None,
    **options: Any,
) -> Lease | None:
    """The lease, or None where there is nothing to claim now."""
    leases = store.claim([key], Terms(lease_seconds, visibility_seconds, delete_after_seconds), **options)
    return leases[0] if leases else None


def open_attempt(lease: Lease, call: Call) -> OpenedAttempt:
    return store.open_attempts([(lease, call)])[lease.key]


def leave(lease: Lease, call: Call, *, for_seconds: float = 0.0) -> None:
    """The worker that holds the lease dies in the middle of this call; the lease runs out so much later."""
    open_attempt(lease, call)
    ends = Now() + timedelta(seconds=for_seconds)
    Record.objects.filter(key=lease.key).update(leased_until=ends, due_at=ends)


def settle(lease: Lease, attempt_id: int | None, result: StepResult, **options: Any) -> Record | None:
    """The row, or None where the lease was lost."""
    ended = FinishedStep(lease, attempt_id, result)
    settled = store.settle([ended], **({"visibility_seconds": 60, "grace_seconds": 0} | options))
    return settled.rows.get(lease.key)
