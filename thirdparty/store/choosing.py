"""Which records may be claimed now, in SQL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from thirdparty.declaration import KeyChanges, declared
from thirdparty.store.current import is_current
from thirdparty.store.dialect import Dialect, dialect
from thirdparty.store.tables import RECORDS, STRICT_WRITES, TARGETS

NEVER = "(1 = 0)"


@dataclass(frozen=True, slots=True)
class Choice:
    """Which rows: a condition with its parameters, an order, and how many at most.

    ``strict``: for the holder of their object's strict write; else for anybody, while there is none.
    """

    condition: str
    parameters: list[Any]
    order: str = "s.key"
    limit: int | None = None
    strict: bool = False


def these(keys: Sequence[str], expected_due_at: datetime | None, strict: str | None) -> Choice:
    """Those of these keys that are due, or due when they are expected to be; with a token, whatever its strict write is of."""
    db = dialect(connection)
    marks = ", ".join(["%s"] * len(keys))
    if strict is not None:
        return Choice(f"s.key IN ({marks}) AND {_strict_write(db, 'w.token = %s')}", [*keys, strict], strict=True)
    if expected_due_at is None:
        return Choice(f"s.key IN ({marks}) AND s.due_at <= {db.now}", [*keys])
    return Choice(
        f"s.key IN ({marks}) AND (s.due_at <= {db.now} OR s.due_at = %s)", [*keys, db.timestamp(expected_due_at)]
    )


def due(target: str, limit: int, *, latest_first: bool = False) -> Choice:
    """What of a target is due, edits first; ``latest_first``: without edits, and what became due last first."""
    db = dialect(connection)
    condition, order = f"s.target = %s AND s.due_at <= {db.now}", "s.due_at, s.key"
    if latest_first:
        condition, order = f"{condition} AND s.due_at > {db.epoch}", "s.due_at DESC, s.key DESC"
    return Choice(condition, [target], order, limit)


def picks(db: Dialect, choice: Choice) -> tuple[str, list[Any]]:
    """The query for the keys of those that may be claimed, and its parameters."""
    limit, parameters = (
        ("", choice.parameters) if choice.limit is None else ("LIMIT %s", [*choice.parameters, choice.limit])
    )
    return (
        f"SELECT s.key FROM {RECORDS} s WHERE {choice.condition} AND {_claimable(db, strict=choice.strict)} ORDER BY {choice.order} {limit}",
        parameters,
    )


def picked(choice: Choice, *, free: bool = False) -> list[str]:
    """The keys of those that may be claimed. ``free``: without rows that somebody has locked."""
    db = dialect(connection)
    sql, parameters = picks(db, choice)
    with connection.cursor() as cursor:
        cursor.execute(f"{sql} {skipping_held(db) if free else ''}", parameters)
        return [key for (key,) in cursor.fetchall()]


def skipping_held(db: Dialect) -> str:
    """Ends `picks` so that rows which somebody has locked are passed by; empty where the database locks no rows."""
    return db.skip_locked and "FOR UPDATE OF s SKIP LOCKED"


def _strict_write(db: Dialect, condition: str = "TRUE") -> str:
    """Whether the object of row ``s`` is in a strict write that has not expired."""
    return (
        f"EXISTS (SELECT 1 FROM {STRICT_WRITES} w WHERE w.kind = s.kind AND w.object_id = s.object_id "
        f"AND w.expires_at > {db.now} AND {condition})"
    )


def _unused(row: str, db: Dialect, *, strict: bool) -> str:
    # A tombstone with nothing at the target needs no natural key there, and gives its own up; but that of a strict
    # create is of an object that is about to come.
    return db.false if strict else f"{row}deleted AND NOT {row}may_exist"


def key_at_target(row: str, db: Dialect, *, strict: bool) -> str:
    """The natural key by which the target is to know the record: it is frozen while there may be one.

    Once nothing can be there under it any more, others may have it: a declaration that has its records replaced, or renamed, gives
    it up then; one that keeps them, where another has it. What is renamed takes its new one as soon as it is known to have the old one.
    """
    kept = f"{row}natural_key <> ''"
    if not strict:
        stays = f"NOT {replaced(row)} AND NOT {renamed(row)} AND NOT {_has_another(row)}"
        kept += f" AND ({row}may_exist OR ({stays})) AND NOT {takes_another(row)}"
    return (
        f"CASE WHEN {_unused(row, db, strict=strict)} THEN '' WHEN {kept} THEN {row}natural_key "
        f"WHEN {row}deleted THEN '' ELSE {row}wanted_key END"
    )


def _has_another(row: str) -> str:
    """Whether another record has the natural key that this one had."""
    table = row.rstrip(".") or RECORDS
    return (
        f"EXISTS (SELECT 1 FROM {RECORDS} h WHERE h.target = {table}.target AND h.kind = {table}.kind AND h.key <> {table}.key "
        f"AND h.may_exist AND NOT (h.natural_key = '') AND h.natural_key = {table}.natural_key)"
    )


def replaced(row: str) -> str:
    """Whether the record is of a declaration that has its records replaced."""
    return _is_of(row, KeyChanges.REPLACED)


def renamed(row: str) -> str:
    """Whether the record is of a declaration that has its records renamed."""
    return _is_of(row, KeyChanges.RENAMED)


def takes_another(row: str) -> str:
    """Whether an update is to give the record another natural key: while an earlier request may still change it, it keeps both."""
    if not _kinds(KeyChanges.RENAMED):
        return NEVER
    known = (
        f"{row}remote_id IS NOT NULL AND {row}add_key IS NULL AND {row}unknown_until IS NULL AND {row}lease_token IS NULL "
        f"AND {row}former_key = ''"
    )
    keys = f"{row}natural_key <> '' AND {row}wanted_key <> '' AND {row}natural_key <> {row}wanted_key"
    return f"({renamed(row)} AND NOT {row}deleted AND {known} AND {keys})"


def _is_of(row: str, changes: KeyChanges) -> str:
    kinds = _kinds(changes)
    return f"{row}kind IN ({', '.join(kinds)})" if kinds else NEVER


def _kinds(changes: KeyChanges) -> list[str]:
    return [f"'{each.kind}'" for each in declared() if each.key_changes is changes]


def _claimable(db: Dialect, *, strict: bool) -> str:
    # In the words of the index `one_row_per_natural_key`, or SQLite reads every record of the target for each one that is due.
    # OFFSET keeps PostgreSQL from making a join of the look-up, which compares each row with every other.
    wanted_username = key_at_target("s.", db, strict=strict)
    anybody = "" if strict else f"AND s.parked = '' AND NOT {_strict_write(db)}"
    return f"""
        (s.leased_until IS NULL OR s.leased_until <= {db.now}) {anybody} AND {is_current(db, "s.kind")}
        AND EXISTS (SELECT 1 FROM {TARGETS} t WHERE t.name = s.target AND t.enabled AND NOT t.paused
            AND (t.blocked_until IS NULL OR t.blocked_until <= {db.now}))
        AND NOT EXISTS (
            SELECT 1 FROM {RECORDS} o WHERE o.target = s.target AND o.kind = s.kind AND o.key <> s.key AND o.may_exist
            AND NOT (o.natural_key = '') AND o.natural_key = {wanted_username} LIMIT 1 OFFSET 0
        ){_and_no_former(wanted_username)}
    """


def _and_no_former(wanted: str) -> str:
    """Nor is it the one that another record had before, and may have still. In the words of `sync_former_key`, as above."""
    return f"""
        AND NOT EXISTS (
            SELECT 1 FROM {RECORDS} o WHERE o.target = s.target AND o.kind = s.kind AND o.key <> s.key AND o.may_exist
            AND NOT (o.former_key = '') AND o.former_key = {wanted} LIMIT 1 OFFSET 0
        )"""
