"""The state changes that people make to records (`users.compensation`). Each is one conditional statement, as in `outbox`."""

from __future__ import annotations

from typing import Any

from django.db import connection

from users.sync.dialect import Dialect, dialect
from users.sync.triggers.sql import ROWS

BY_HAND = "by hand"


def overwrite(key: str, *, seen: int) -> bool:
    """A person asks: push once more, whatever the target holds. False when the record has moved on since ``seen``."""
    db = dialect(connection)
    return _by_hand(key, seen, _owed_at_once(db), [])


def adopt(key: str, remote_id: str, remote_username: str, *, seen: int | None) -> bool:
    """A person says whose remote record it is: link it, and push our values to it. As `overwrite`.

    Raises `IntegrityError` where another row has it.
    """
    db = dialect(connection)
    link = "remote_id = %s, remote_username = %s, adopted = %s, add_key = NULL"
    return _by_hand(key, seen, f"{link}, {_owed_at_once(db)}", [remote_id, remote_username, BY_HAND])


def settle(key: str, *, seen: int) -> bool:
    """A person says that it is right at the target: nothing is owed, nothing in doubt. As `overwrite`."""
    db = dialect(connection)
    return _by_hand(
        key,
        seen,
        "synced_generation = generation, owed_since = NULL, due_at = NULL, recheck_at = NULL, add_key = NULL, "
        f"parked = '', attempts = 0, crashes = 0, last_error = '', synced_at = {db.clock}",
        [],
    )


def _owed_at_once(db: Dialect) -> str:
    return (
        f"generation = generation + 1, owed_since = COALESCE(owed_since, {db.clock}), due_at = {db.epoch}, parked = ''"
    )


def _by_hand(key: str, seen: int | None, changes: str, parameters: list[Any]) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {ROWS} SET {changes} WHERE key = %s AND lease_token IS NULL "
            f"AND {'generation = %s' if seen is not None else '%s IS NULL'}",
            [*parameters, key, seen],
        )
        return bool(cursor.rowcount)


def take_question(key: str, seconds: float) -> bool:
    """Have the record's target asked what it holds; False where somebody has, less than so many seconds ago.

    Waits for nobody who writes the row: it is not asked then either.
    """
    db = dialect(connection)
    # A moment ahead of the clock is of a clock that was set back, and holds nobody up.
    lately = f"asked_at BETWEEN {db.after()} AND {db.clock}"
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {ROWS} SET asked_at = {db.clock} WHERE key IN (SELECT key FROM {ROWS} "
            f"WHERE key = %s AND (asked_at IS NULL OR NOT {lately}) {db.skip_locked})",
            [key, -seconds],
        )
        return bool(cursor.rowcount)
