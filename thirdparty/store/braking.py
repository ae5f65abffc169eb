"""The statements of the brake: what counts, who is held, the latch. What is decided by them is in `thirdparty.protect.brake`."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

from django.db import connection

from thirdparty.connectors.leaving import Leaving
from thirdparty.decide.brake import DAY, HELD_BY_BRAKE, Change, Counted, Policy
from thirdparty.decide.ownership import TRUST
from thirdparty.models import Brake
from thirdparty.store.dialect import Dialect, dialect
from thirdparty.store.leaving import owed_change
from thirdparty.store.tables import BRAKE_ENTRIES, BRAKES, RECORDS

_COUNTED_AT_MOST = 1_000_000
_RECORDS_GOOD_FOR_SECONDS = 60.0
"""What a target holds is counted anew no more often than this."""


def locked(target: str) -> Brake:
    """The brake's row, locked until the transaction ends; made where there is none yet."""
    rows = Brake.objects.select_for_update().filter(target=target)
    row = rows.first()
    if row is None:
        Brake.objects.bulk_create([Brake(target=target)], ignore_conflicts=True)
        row = rows.get()
    return row


def owed_removals(leaving: Leaving, alias: str = "s") -> str:
    """The condition of a record whose object is gone, from which something is to be taken away that was not let go by a person."""
    return (
        f"{alias}.deleted AND {alias}.synced_generation < {alias}.generation AND {alias}.remote_id IS NOT NULL "
        f"AND {alias}.adopted <> '{TRUST}' AND {alias}.parked IN ('', '{HELD_BY_BRAKE}') "
        f"AND ({alias}.released_generation IS NULL OR {alias}.released_generation <> {alias}.generation) "
        f"AND {owed_change(dialect(connection), leaving, alias)} IS NOT NULL"
    )


def counted(target: str, rules: Policy, leaving: Leaving, *, besides: Collection[str] = ()) -> Counted:
    """The distinct records of a target that count. ``besides``: keys of those that are not to be counted as owed."""
    db = dialect(connection)
    since_window: list[Any] = [target, -rules.window_seconds]
    since_day: list[Any] = [target, -DAY.total_seconds()]
    # Who was let through has an entry; who is claimed and has none is yet to be let through.
    others = f"AND s.key NOT IN ({', '.join(['%s'] * len(besides))})" if besides else ""
    owed = (
        f"SELECT 1 FROM {RECORDS} s WHERE s.target = %s AND {owed_removals(leaving)} {others} "
        f"AND s.key NOT IN (SELECT e.record {_passed(db)}) LIMIT {_COUNTED_AT_MOST}"
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT (SELECT count(*) {_passed(db)}), (SELECT count(*) {_passed(db)}), "
            f"(SELECT count(*) FROM ({owed}) AS owed)",
            [*since_window, *since_day, target, *besides, *since_window],
        )
        return Counted(*cursor.fetchone())


def counting(target: str, within_seconds: float, keys: Collection[str]) -> set[str]:
    """Which of these records count already, among those of so many seconds."""
    db = dialect(connection)
    marks = ", ".join(["%s"] * len(keys))
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT e.record {_passed(db)} AND e.record IN ({marks})", [target, -within_seconds, *keys])
        return {key for (key,) in cursor.fetchall()}


def records(row: Brake, rules: Policy) -> int:
    """What the target holds, or held when the window began: those that went in it are of the whole."""
    db = dialect(connection)
    gone = (
        f"(SELECT count(*) {_passed(db)} AND EXISTS (SELECT 1 FROM {RECORDS} r "
        "WHERE r.key = e.record AND r.remote_id IS NULL))"
    )
    fresh = f"records_at BETWEEN {db.after()} AND {db.clock}"
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {BRAKES} SET records_at = {db.clock}, records = {gone} + "
            f"(SELECT count(*) FROM {RECORDS} r WHERE r.target = %s AND r.remote_id IS NOT NULL) "
            f"WHERE target = %s AND (records_at IS NULL OR NOT {fresh}) RETURNING records",
            [row.target, -rules.window_seconds, row.target, row.target, -_RECORDS_GOOD_FOR_SECONDS],
        )
        counted = cursor.fetchone()
    return int(counted[0]) if counted else row.records


def by_change(target: str, rules: Policy) -> dict[str, int]:
    """How many records of each change were let through in the window."""
    db = dialect(connection)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT e.change, count(*) {_passed(db)} GROUP BY e.change", [target, -rules.window_seconds])
        return dict(cursor.fetchall())


def note(target: str, changes: Mapping[str, Change], *, held: bool) -> None:
    """These records are held; or else they are let through, and count from here on."""
    db = dialect(connection)
    # One that is held already is held since then.
    since = f"CASE WHEN {BRAKE_ENTRIES}.held AND excluded.held THEN {BRAKE_ENTRIES}.at ELSE excluded.at END"
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {BRAKE_ENTRIES} (record, target, at, change, held) "
            f"SELECT g.record, %s, {db.clock}, g.change, {db.true if held else db.false} "
            f"FROM ({db.given(record='text', change='text')}) AS g WHERE {db.true} "
            f"ON CONFLICT (record) DO UPDATE SET change = excluded.change, held = excluded.held, at = {since}",
            [target, json.dumps([{"record": key, "change": change} for key, change in changes.items()])],
        )


def latch(target: str, why: str, counts: Mapping[str, int]) -> None:
    """Nothing that takes something away goes to this target any more."""
    db = dialect(connection)
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {BRAKES} SET latched_at = {db.clock}, reason = %s, counts = %s WHERE target = %s",
            [why[:300], json.dumps(counts), target],
        )


def _passed(db: Dialect) -> str:
    """The entries ``e`` of a target (first parameter) that count, since so many seconds (second parameter, negative)."""
    return (
        f"FROM {BRAKE_ENTRIES} e JOIN {BRAKES} b ON b.target = e.target WHERE e.target = %s AND NOT e.held "
        f"AND (b.counted_from IS NULL OR e.at > b.counted_from) AND e.at > {db.after(fixed=True)}"
    )
