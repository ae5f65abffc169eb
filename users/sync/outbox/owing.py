"""Owe records anew: after a result without a lease, for a backfill, because a person asks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

from django.db import OperationalError, connection, transaction

from users.models import UserSync
from users.models.sync import State
from users.sync.contention import is_contention, wait_briefly
from users.sync.dialect import dialect
from users.sync.triggers.sql import ROWS, USERS


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
    """Take these records out of the park, if they were parked for just this: it was the target's fault, not theirs.

    Waits briefly for records that others hold: raises `OperationalError` then, see `users.sync.contention`.
    """
    db = dialect(connection)
    marks = ", ".join(["%s"] * len(keys))
    with transaction.atomic(), connection.cursor() as cursor:
        wait_briefly(connection)
        cursor.execute(
            f"""
            WITH picked AS (SELECT s.key FROM {ROWS} s WHERE s.key IN ({marks}) ORDER BY s.key {db.for_update})
            UPDATE {ROWS} SET parked = '', attempts = 0, fruitless = 0, due_at = {db.clock},
            owed_since = COALESCE(owed_since, {db.clock}) WHERE key IN (SELECT key FROM picked) AND parked = %s
            """,
            [*keys, reason],
        )
        return int(cursor.rowcount)


def bring_forward(keys: Sequence[str]) -> int:
    """Look at these records now, those of them that wait for their next try; what is level, parked or held stays so."""
    db = dialect(connection)
    which = f"key IN ({', '.join(['%s'] * len(keys))}) AND due_at > {db.now} AND parked = '' AND lease_token IS NULL"
    picked = f"SELECT key FROM {ROWS} WHERE {which} ORDER BY key {db.skip_locked}"
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {ROWS} SET due_at = {db.clock} WHERE synced_generation < generation AND key IN ({picked})",
            list(keys),
        )
        return int(cursor.rowcount)


def owe_again(keys: Sequence[str]) -> int:
    """Owe these records though they may be level, after everything that people wait for. Returns how many.

    Parked records stay parked, confirmed tombstones stay confirmed; but one whose user came or went without a record
    of it becomes what it should be. What was acknowledged long ago may be somebody else's by now: linked records, parked
    ones too, are read back before anything is written to them. Waits for records that others hold.
    """
    with transaction.atomic():
        _lock(keys)
        return _owe(keys)


@dataclass(frozen=True, slots=True)
class Walked:
    """A few records further: so many are owed now, up to the key ``to``; None where there are no more.

    ``held``: somebody holds the next record, and went on holding it for as long as can be waited for.
    """

    owed: int
    to: str | None
    held: bool = False


def owe_next(target: str, after: str, most: int) -> Walked:
    """`owe_again` for the records of a target that come next, up to the first that somebody holds.

    While others' records are held here, none is waited for: so nobody waits for longer than the statements take. The
    one that is in the way is waited for alone.
    """
    with transaction.atomic():
        later = UserSync.objects.filter(target=target, key__gt=after).order_by("key")
        keys = list(later.values_list("key", flat=True)[:most])
        if not keys:
            return Walked(0, None)
        free = _lock(keys, skip=True)
        mine = list(takewhile(free.__contains__, keys))
        if mine:
            return Walked(_owe(mine), mine[-1])
    try:
        with transaction.atomic():
            wait_briefly(connection)
            return Walked(owe_again(keys[:1]), keys[0])
    except OperationalError as problem:
        if not is_contention(problem):
            raise
        return Walked(0, after, held=True)


def _lock(keys: Sequence[str], *, skip: bool = False) -> set[str]:
    """Lock records in the order of their keys; those of them that are free, with ``skip``."""
    db = dialect(connection)
    if not db.for_update:
        return set(keys)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT key FROM {ROWS} WHERE key IN ({', '.join(['%s'] * len(keys))}) ORDER BY key "
            f"{db.skip_locked if skip else db.for_update}",
            list(keys),
        )
        return {key for (key,) in cursor.fetchall()}


def _owe(keys: Sequence[str]) -> int:
    # A statement of its own, once the locks are there: it sees the users as whoever held the records has left them.
    # The generation of a record that is owed anyway is raised, too: it may be under way with what it was before.
    db = dialect(connection)
    here = f"EXISTS (SELECT 1 FROM {USERS} u WHERE u.uuid = user_uuid)"
    person = f"EXISTS (SELECT 1 FROM {USERS} u WHERE u.uuid = user_uuid AND NOT u.is_superuser)"
    unseen = f"(CASE WHEN deleted THEN {person} ELSE NOT {here} END)"
    marks = ", ".join(["%s"] * len(keys))
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {ROWS} SET look_first = {db.true} "
            f"WHERE key IN ({marks}) AND parked <> '' AND remote_id IS NOT NULL AND NOT look_first",
            list(keys),
        )
        cursor.execute(
            f"UPDATE {ROWS} SET deleted = NOT {here}, due_at = COALESCE(due_at, {db.clock}), "
            f"generation = generation + 1, owed_since = COALESCE(owed_since, {db.clock}), "
            f"look_first = CASE WHEN remote_id IS NULL THEN look_first ELSE {db.true} END, "
            f"parked = CASE WHEN {unseen} THEN '' ELSE parked END "
            f"WHERE key IN ({marks}) "
            f"AND ({unseen} OR (parked = '' AND state <> '{State.DELETED}'))",
            list(keys),
        )
        return int(cursor.rowcount)


def look_now(keys: Sequence[str]) -> int:
    """A person asks: due at once, and no longer parked. Returns how many rows that changed.

    A record that is level is looked at too: its generation is raised, so that it is pushed again. What was level or
    parked may have been so for long: it is read back before anything is written to it.
    """
    db = dialect(connection)
    if not keys:
        return 0
    which = f"key IN ({', '.join(['%s'] * len(keys))}) AND state <> '{State.DELETED}'"
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {ROWS} SET due_at = {db.epoch}, parked = '', fruitless = 0, "
            "look_first = CASE WHEN remote_id IS NOT NULL AND (parked <> '' OR synced_generation >= generation) "
            f"THEN {db.true} ELSE look_first END, "
            "generation = generation + CASE WHEN synced_generation < generation THEN 0 ELSE 1 END, "
            f"owed_since = COALESCE(owed_since, {db.clock}) WHERE {db.in_order(ROWS, which)}",
            list(keys),
        )
        return int(cursor.rowcount)
