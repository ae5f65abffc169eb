"""The outbox's statements for one record alone."""

from __future__ import annotations

from typing import Any

from users.models import UserSync
from users.sync import outbox
from users.sync.lease import Lease, Terms
from users.sync.outbox import Attempt
from users.sync.plan import Call
from users.sync.settlement import Ended, Settlement


def claim(key: str, *, lease_seconds: float = 60, visibility_seconds: float = 60, **options: Any) -> Lease | None:
    """The lease, or None where there is nothing to claim now."""
    leases = outbox.claim([key], Terms(lease_seconds, visibility_seconds), **options)
    return leases[0] if leases else None


def open_attempt(lease: Lease, call: Call) -> Attempt:
    return outbox.open_attempts([(lease, call)])[lease.key]


def settle(lease: Lease, attempt_id: int | None, result: Settlement, **options: Any) -> UserSync | None:
    """The row, or None where the lease was lost."""
    ended = Ended(lease, attempt_id, result)
    settled = outbox.settle([ended], **({"visibility_seconds": 60, "grace_seconds": 0} | options))
    return settled.rows.get(lease.key)
