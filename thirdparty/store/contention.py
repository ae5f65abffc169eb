"""Others are in the way: errors of the database that pass by themselves, and how far a walk goes past who is held.

Where somebody else held a lock for too long, or two stood against each other, nothing of the transaction is written,
so whatever it was may be done again.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Sequence
from typing import TypeVar

from django.db import InterfaceError, OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper

from thirdparty.settings import settings

T = TypeVar("T", int, str)

_POSTGRESQL = {
    "55P03",  # lock_not_available: lock_timeout was over
    "40P01",  # deadlock_detected
    "40001",  # serialization_failure
    "57014",  # query_canceled: statement_timeout was over
}
_BRIEF_SECONDS = 1.0
_SQLITE = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


class StillHeld(OperationalError):
    """Somebody goes on holding some of the records. ``looked_at``: how many of the others are due now."""

    def __init__(self, looked_at: int) -> None:
        super().__init__("some records are held by others")
        self.looked_at = looked_at


def is_contention(error: BaseException) -> bool:
    """Whether this error says that others were in the way, and nothing worse."""
    if isinstance(error, StillHeld):
        return True
    if not isinstance(error, OperationalError):
        return False
    cause = error.__cause__
    # SQLite's extended codes have the plain one in their last byte.
    plain = getattr(cause, "sqlite_errorcode", 0) & 0xFF
    return getattr(cause, "sqlstate", None) in _POSTGRESQL or plain in _SQLITE


def is_unavailable(error: BaseException) -> bool:
    """Whether the database could not do its part; not where it was asked for what it does not have."""
    if not isinstance(error, (OperationalError, InterfaceError)):
        return False
    # SQLite says so of a missing table, too, and calls that operational.
    return getattr(error.__cause__, "sqlite_errorcode", None) != sqlite3.SQLITE_ERROR


def wait_briefly(connection: BaseDatabaseWrapper) -> None:
    """In this transaction, wait for a lock for a second at most; on SQLite, whose transactions have all it takes, for none."""
    if connection.vendor == "postgresql":
        seconds = min(_BRIEF_SECONDS, settings.SYNC_DATABASE_TIMEOUT_SECONDS)
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout = '{int(seconds * 1000)}ms'")


def within_reach(ids: Sequence[T], free: Collection[T], most_left: int) -> tuple[list[T], list[T]]:
    """The first of these ids, up to where more than ``most_left`` of them are not free; and those of them that are not."""
    held = [each for each in ids if each not in free]
    if len(held) <= most_left:
        return list(ids), held
    return list(ids[: ids.index(held[most_left])]), held[:most_left]
