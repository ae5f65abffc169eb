"""The state changes that a strict write makes to records. Each is one conditional statement, as in `thirdparty.store.owing`."""

from __future__ import annotations

from django.db import connection

from thirdparty.decide.brake import HELD_BY_BRAKE, Change
from thirdparty.models.record import REJECTED_BY_PERSON
from thirdparty.models.ref import Ref
from thirdparty.store.current import is_current
from thirdparty.store.dialect import dialect
from thirdparty.store.tables import BRAKE_ENTRIES, RECORDS, TARGETS

_OF_OBJECT = f"key IN (SELECT name || %s FROM {TARGETS})"
"""The records of an object, by the end of their keys."""


def ensure(ref: Ref, natural_key: str, *, tombstone: bool) -> None:
    """A row at every target but retired ones, where there is none yet.

    ``tombstone``: of somebody who is not there (yet): should they never come, a delete is owed.
    """
    db = dialect(connection)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {RECORDS} (key, target, kind, object_id, deleted, natural_key, wanted_key, due_at, owed_since) "
            f"SELECT t.name || %s, t.name, %s, %s, {db.true if tombstone else db.false}, %s, %s, {db.clock}, "
            f"{db.clock} FROM {TARGETS} t WHERE NOT t.retired ORDER BY 1 ON CONFLICT (key) DO NOTHING",
            [ref.key(""), ref.kind, ref.object_id, natural_key, natural_key],
        )


def owe_undoing(ref: Ref) -> None:
    """A strict write ended without its change: push the object as it is to whichever target may have taken it.

    The brake counts that, and does not hold it: the targets have to have what is here.
    """
    db = dialect(connection)
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {RECORDS} SET generation = generation + 1, due_at = {db.epoch}, parked = '', "
            f"released_generation = CASE WHEN parked IN ('{HELD_BY_BRAKE}', '{REJECTED_BY_PERSON}') "
            "THEN released_generation ELSE generation + 1 END "
            f"WHERE {db.in_order(RECORDS, f'{_OF_OBJECT} AND synced_generation < generation')}",
            [ref.key("")],
        )
        cursor.execute(
            f"INSERT INTO {BRAKE_ENTRIES} (record, target, at, change, held) "
            f"SELECT key, target, {db.clock}, CASE WHEN deleted THEN '{Change.DELETE}' ELSE '{Change.REWRITE}' END, {db.false} "
            f"FROM {RECORDS} WHERE {_OF_OBJECT} AND synced_generation < generation AND may_exist "
            "ON CONFLICT (record) DO UPDATE SET at = excluded.at, change = excluded.change, held = excluded.held",
            [ref.key("")],
        )


def acknowledge(key: str, *, adopted: str) -> None:
    """What was just written here is what the target has accepted already. Call in the write's transaction.

    Accepted by an older version of the declaration than the database has, it stays owed.
    """
    db = dialect(connection)
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {RECORDS} SET synced_generation = generation, owed_since = NULL, due_at = unknown_until, parked = '', "
            f"adopted = %s, failed_tries = 0, last_error = '', cause = '', failing_since = NULL, synced_at = {db.clock} "
            f"WHERE key = %s AND lease_token IS NULL AND {is_current(db)}",
            [adopted, key],
        )
