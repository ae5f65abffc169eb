"""What waits for the targets has its transactions to itself."""

from __future__ import annotations

from django.db import connection, transaction

from thirdparty.consistency.strict.errors import WithinTransaction


def require_no_transaction() -> None:
    """Raise `WithinTransaction` where the caller has one open, also for want of autocommit."""
    if not connection.in_atomic_block and not connection.get_autocommit():
        raise WithinTransaction
    try:
        with transaction.atomic(durable=True):  # Django's own question, which knows the transaction around a test
            return
    except RuntimeError as nested:
        raise WithinTransaction from nested
