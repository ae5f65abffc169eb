"""The brake: a mistake that would delete or rewrite a large share of what a target holds stops, and asks.

A latch, shared by all workers through its row: once too much would go, nothing that takes something away goes any more,
until a person has decided (`thirdparty.decisions.brake`); no window that ends lets the next ones go. What is decided is
in `thirdparty.decide.brake`, purely. Locks are taken in this order: records, then the brake's row.
"""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from django.db import connection, transaction

from thirdparty import events, store, targets
from thirdparty.connectors.leaving import Leaving, OnLeave
from thirdparty.decide.brake import DAY, HELD_BY_BRAKE, Change, Counted, Policy, obstacle
from thirdparty.decide.interpret import TRUST
from thirdparty.models import Brake, Record
from thirdparty.models.record import State
from thirdparty.settings import settings
from thirdparty.store.dialect import Dialect, dialect
from thirdparty.store.tables import BRAKE_ENTRIES, BRAKES, RECORDS

logger = logging.getLogger(__name__)

_COUNTED_AT_MOST = 1_000_000
_RECORDS_GOOD_FOR_SECONDS = 60.0
"""What a target holds is counted anew no more often than this."""


@dataclass(frozen=True, slots=True)
class BrakeStanding:
    """How a target's brake stands. ``counts``: how many of each change when it latched. ``held``: records, now."""

    latched_at: datetime | None = None
    reason: str = ""
    counts: Mapping[str, int] | None = None
    held: int = 0

    @property
    def latched(self) -> bool:
        return self.latched_at is not None


def policy() -> Policy:
    """What the settings say."""
    return Policy(settings.SYNC_BRAKE_MIN, settings.SYNC_BRAKE_PERCENT, settings.SYNC_BRAKE_WINDOW_SECONDS)


def standing(target: str) -> BrakeStanding:
    """How this target's brake stands now."""
    known = standings([target]).get(target, BrakeStanding())
    return replace(known, held=Record.objects.filter(target=target, state=State.HELD).count())


def standings(names: Collection[str]) -> dict[str, BrakeStanding]:
    """The brakes of these targets, those that there are, with nobody who is held counted."""
    rows = Brake.objects.filter(target__in=names)
    return {row.target: BrakeStanding(row.latched_at, row.reason, row.counts) for row in rows}


def latched(target: str) -> bool:
    """Whether nothing that takes something away goes to this target."""
    return Brake.objects.filter(target=target, latched_at__isnull=False).exists()


def reserve(target: str, changes: Mapping[str, Change]) -> frozenset[str]:
    """Which of these records, by their keys, are held; the others may lose something now, and count from here on.

    Call in the transaction of the claim, which holds the records. Where they would be too many together with what went
    and what is owed, none of them goes, and the brake is latched.
    """
    row = locked(target)
    if row.latched_at is not None:
        _note(target, changes, held=True)
        return frozenset(changes)
    rules, db = policy(), dialect(connection)
    holds = _records(db, row, rules)
    again = _in_window(db, target, rules, changes)
    counted = _counted(db, target, rules)
    why = obstacle(counted, len(changes) - len(again), limit=rules.limit(holds), holds=holds, policy=rules)
    if why:
        _latch(db, target, why, _by_change(db, target, rules, counted, changes))
    _note(target, changes, held=bool(why))
    return frozenset(changes) if why else frozenset()


def forecast(target: str, fresh: int) -> str:
    """Why the brake would stop so many records that would lose something now; empty where it would not. Locks nothing."""
    row, rules = Brake.objects.filter(target=target).first(), policy()
    if row is not None and row.latched_at is not None and fresh:
        return f"it is on: {row.reason}"
    holds = Record.objects.filter(target=target, remote_id__isnull=False).count()
    # What is owed is among those that were looked at.
    counted = replace(_counted(dialect(connection), target, rules), owed=0)
    return obstacle(counted, fresh, limit=rules.limit(holds), holds=holds, policy=rules)


def locked(target: str) -> Brake:
    """The brake's row, locked until the transaction ends; made where there is none yet."""
    rows = Brake.objects.select_for_update().filter(target=target)
    row = rows.first()
    if row is None:
        Brake.objects.bulk_create([Brake(target=target)], ignore_conflicts=True)
        row = rows.get()
    return row


def owed_change(target: str, alias: str = "s") -> str:
    """As SQL, what the target's policy takes away from a record whose object is gone: a `Change`, or NULL."""
    leaving = targets.config(target).leaving if target in targets.names() else Leaving()
    return store.leaving.owed_change(dialect(connection), leaving, alias)


def owed_removals(target: str, alias: str = "s") -> str:
    """The condition of a record whose object is gone, from which something is to be taken away that was not let go by a person."""
    return (
        f"{alias}.deleted AND {alias}.synced_generation < {alias}.generation AND {alias}.remote_id IS NOT NULL "
        f"AND {alias}.adopted <> '{TRUST}' AND {alias}.parked IN ('', '{HELD_BY_BRAKE}') "
        f"AND ({alias}.released_generation IS NULL OR {alias}.released_generation <> {alias}.generation) "
        f"AND {owed_change(target, alias)} IS NOT NULL"
    )


def _passed(db: Dialect) -> str:
    """The entries ``e`` of a target (first parameter) that count, since so many seconds (second parameter, negative)."""
    return (
        f"FROM {BRAKE_ENTRIES} e JOIN {BRAKES} b ON b.target = e.target WHERE e.target = %s AND NOT e.held "
        f"AND (b.counted_from IS NULL OR e.at > b.counted_from) AND e.at > {db.after()}"
    )


def _counted(db: Dialect, target: str, rules: Policy) -> Counted:
    since_window: list[Any] = [target, -rules.window_seconds]
    since_day: list[Any] = [target, -DAY.total_seconds()]
    # Who is being worked on was let through, and has an entry.
    owed = (
        f"SELECT 1 FROM {RECORDS} s WHERE s.target = %s AND {owed_removals(target)} AND s.lease_token IS NULL "
        f"AND s.key NOT IN (SELECT e.record {_passed(db)}) LIMIT {_COUNTED_AT_MOST}"
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT (SELECT count(*) {_passed(db)}), (SELECT count(*) {_passed(db)}), "
            f"(SELECT count(*) FROM ({owed}) AS owed)",
            [*since_window, *since_day, target, *since_window],
        )
        return Counted(*cursor.fetchone())


def _in_window(db: Dialect, target: str, rules: Policy, keys: Collection[str]) -> set[str]:
    """Those that count already."""
    marks = ", ".join(["%s"] * len(keys))
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT e.record {_passed(db)} AND e.record IN ({marks})", [target, -rules.window_seconds, *keys]
        )
        return {key for (key,) in cursor.fetchall()}


def _records(db: Dialect, row: Brake, rules: Policy) -> int:
    """What the target holds, or held when the window began: those that went in it are of the whole."""
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


def _note(target: str, changes: Mapping[str, Change], *, held: bool) -> None:
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


def _by_change(
    db: Dialect, target: str, rules: Policy, counted: Counted, changes: Mapping[str, Change]
) -> dict[str, int]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT e.change, count(*) {_passed(db)} GROUP BY e.change", [target, -rules.window_seconds])
        counts = Counter(dict(cursor.fetchall()))
    counts.update(changes.values())
    deactivates = target in targets.names() and targets.config(target).leaving.on_leave is OnLeave.DEACTIVATE
    counts[(Change.DEACTIVATE if deactivates else Change.DELETE).value] += counted.owed
    return {str(change): count for change, count in counts.items() if count}


def _latch(db: Dialect, target: str, why: str, counts: Mapping[str, int]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {BRAKES} SET latched_at = {db.clock}, reason = %s, counts = %s WHERE target = %s",
            [why[:300], json.dumps(counts), target],
        )
    transaction.on_commit(partial(_tell, target, why, counts), robust=True)


def _tell(target: str, why: str, counts: Mapping[str, int]) -> None:
    logger.error(
        "the brake of target %s is on: %s. Nothing is deleted or rewritten there until a person decides: "
        "manage.py sync release %s",
        target, why, target,
    )  # fmt: skip
    events.send(events.brake_latched, target, reason=why, counts=dict(counts))
