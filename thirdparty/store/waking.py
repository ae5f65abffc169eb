"""Have records looked at: now, since a person asks or their target is well again; or no more."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from django.db import OperationalError, connection, transaction

from thirdparty.models.record import State
from thirdparty.store.contention import StillHeld, is_contention, wait_briefly
from thirdparty.store.dialect import dialect
from thirdparty.store.locking import lock
from thirdparty.store.tables import RECORDS

_AT_ONCE = 1_000


def look_now(keys: Sequence[str]) -> int:
    """A person asks: due at once, and no longer parked. Returns how many rows that changed.

    A record that is level is looked at too: its generation is raised, so that it is pushed again. What was level or
    parked may have been so for long: it is read back before anything is written to it.

    While others' records are held here, none is waited for: those that somebody holds come last, each by itself, up to
    the first that stays held. Raises `StillHeld` then.
    """
    if not keys:
        return 0
    with transaction.atomic():
        free = lock(keys, skip=True)
        changed = _look(sorted(free))
    for key in sorted({*keys} - free):
        try:
            with transaction.atomic():
                wait_briefly(connection)
                changed += _look([key])
        except OperationalError as problem:
            if not is_contention(problem):
                raise
            raise StillHeld(changed) from problem
    return changed


def _look(keys: Sequence[str]) -> int:
    if not keys:
        return 0
    db = dialect(connection)
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {RECORDS} SET due_at = {db.epoch}, parked = '', no_progress = 0, "
            "look_first = CASE WHEN remote_id IS NOT NULL AND (parked <> '' OR synced_generation >= generation) "
            f"THEN {db.true} ELSE look_first END, "
            "generation = generation + CASE WHEN synced_generation < generation THEN 0 ELSE 1 END, "
            f"owed_since = COALESCE(owed_since, {db.clock}) "
            f"WHERE key IN ({', '.join(['%s'] * len(keys))}) AND state <> '{State.DELETED}'",
            list(keys),
        )
        return int(cursor.rowcount)


def bring_forward(keys: Sequence[str]) -> int:
    """Look at these records now, those of them that wait for their next try; what is level, parked or held stays so.

    Whoever holds a record is not waited for: it comes to its own next try.
    """
    db = dialect(connection)
    which = f"key IN ({', '.join(['%s'] * len(keys))}) AND due_at > {db.now} AND parked = '' AND lease_token IS NULL"
    picked = f"SELECT key FROM {RECORDS} WHERE {which} ORDER BY key {db.skip_locked}"
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {RECORDS} SET due_at = {db.clock} WHERE synced_generation < generation AND key IN ({picked})",
            list(keys),
        )
        return int(cursor.rowcount)


def unpark(key: str, reason: str) -> int:
    """Take this record out of the park, if it was parked for just this: it was the target's fault, not its own.

    One at a time: nobody's record is locked while another's is waited for. Waits briefly where somebody holds it:
    raises `OperationalError` then, see `thirdparty.store.contention`.
    """
    db = dialect(connection)
    with transaction.atomic(), connection.cursor() as cursor:
        wait_briefly(connection)
        cursor.execute(
            f"UPDATE {RECORDS} SET parked = '', failed_tries = 0, no_progress = 0, due_at = {db.clock}, "
            f"owed_since = COALESCE(owed_since, {db.clock}) WHERE key = %s AND parked = %s",
            [key, reason],
        )
        return int(cursor.rowcount)


def leave_alone(kinds: Collection[str]) -> int:
    """Nothing is declared of these kinds any more: look at some of their records no more. Returns how many; 0 where none is left.

    Else every claim would pass by them. Those that somebody holds are left out.
    """
    db = dialect(connection)
    marks = ", ".join(["%s"] * len(kinds))
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {RECORDS} SET due_at = NULL WHERE key IN (SELECT key FROM {RECORDS} WHERE kind IN ({marks}) "
            f"AND due_at IS NOT NULL AND lease_token IS NULL ORDER BY key LIMIT {_AT_ONCE} {db.skip_locked})",
            list(kinds),
        )
        return int(cursor.rowcount)
