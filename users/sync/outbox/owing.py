"""Owe records anew: after a result without a lease, for a backfill, because a person asks."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection

from users.models.sync import State
from users.sync.dialect import dialect
from users.sync.triggers.sql import ROWS


def repair(keys: Sequence[str]) -> None:
    """Results came without a valid lease: they may have overwritten newer ones, so push again.

    One statement for each, or rows locked in this order could stand against a person's save.
    """
    db = dialect(connection)
    with connection.cursor() as cursor:
        for key in keys:
            cursor.execute(
                f"UPDATE {ROWS} SET generation = generation + 1, due_at = {db.epoch}, "
                f"owed_since = COALESCE(owed_since, {db.clock}) WHERE key = %s",
                [key],
            )


def pardon(keys: Sequence[str], reason: str) -> int:
    """Take these records out of the park, if they were parked for just this: it was the target's fault, not theirs."""
    db = dialect(connection)
    marks = ", ".join(["%s"] * len(keys))
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            WITH picked AS (SELECT s.key FROM {ROWS} s WHERE s.key IN ({marks}) ORDER BY s.key {db.for_update})
            UPDATE {ROWS} SET parked = '', attempts = 0, due_at = {db.clock},
            owed_since = COALESCE(owed_since, {db.clock}) WHERE key IN (SELECT key FROM picked) AND parked = %s
            """,
            [*keys, reason],
        )
        return int(cursor.rowcount)


def owe_again(keys: Sequence[str]) -> int:
    """Owe these records though they may be level, after everything that people wait for. Returns how many.

    Parked records stay parked, confirmed tombstones stay confirmed.
    """
    db = dialect(connection)
    which = f"key IN ({', '.join(['%s'] * len(keys))}) AND parked = '' AND state <> '{State.DELETED}'"
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {ROWS} SET due_at = COALESCE(due_at, {db.clock}), "
            "generation = generation + CASE WHEN synced_generation < generation THEN 0 ELSE 1 END, "
            f"owed_since = COALESCE(owed_since, {db.clock}) "
            f"WHERE {db.in_order(ROWS, which)}",
            list(keys),
        )
        return int(cursor.rowcount)


def look_now(keys: Sequence[str]) -> int:
    """A person asks: due at once, and no longer parked. Returns how many rows that changed.

    A record that is level is looked at too: its generation is raised, so that it is pushed again.
    """
    db = dialect(connection)
    if not keys:
        return 0
    which = f"key IN ({', '.join(['%s'] * len(keys))}) AND state <> '{State.DELETED}'"
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {ROWS} SET due_at = {db.epoch}, parked = '', "
            "generation = generation + CASE WHEN synced_generation < generation THEN 0 ELSE 1 END, "
            f"owed_since = COALESCE(owed_since, {db.clock}) WHERE {db.in_order(ROWS, which)}",
            list(keys),
        )
        return int(cursor.rowcount)
