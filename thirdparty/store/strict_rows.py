"""The state changes that a strict write makes to records. Each is one conditional statement, as in `outbox`."""

from __future__ import annotations

from uuid import UUID

from django.db import connection

from thirdparty.store.dialect import dialect
from thirdparty.store.tables import RECORDS, TARGETS


def ensure(user_uuid: UUID, natural_key: str, *, tombstone: bool) -> None:
    """A row at every target but retired ones, where there is none yet.

    ``tombstone``: of somebody who is not there (yet): should they never come, a delete is owed.
    """
    db = dialect(connection)
    uuid = "%s::uuid" if db.vendor == "postgresql" else "%s"
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {RECORDS} (key, target, user_uuid, deleted, natural_key, due_at, owed_since) "
            f"SELECT t.name || ':' || %s, t.name, {uuid}, {db.true if tombstone else db.false}, %s, {db.clock}, "
            f"{db.clock} FROM {TARGETS} t WHERE NOT t.retired ORDER BY 1 ON CONFLICT (key) DO NOTHING",
            [user_uuid.hex, user_uuid.hex, natural_key],
        )


def owe_undoing(user_uuid: UUID) -> None:
    """A strict write ended without its change: push the user as they are to whoever may have taken it."""
    db = dialect(connection)
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {RECORDS} SET generation = generation + 1, due_at = {db.epoch}, parked = '' "
            f"WHERE {db.in_order(RECORDS, 'user_uuid = %s AND synced_generation < generation')}",
            [user_uuid if db.vendor == "postgresql" else user_uuid.hex],
        )


def acknowledge(key: str, *, adopted: str) -> None:
    """What was just written here is what the target has accepted already. Call in the write's transaction."""
    db = dialect(connection)
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {RECORDS} SET synced_generation = generation, owed_since = NULL, due_at = unknown_until, parked = '', "
            f"adopted = %s, failed_tries = 0, last_error = '', synced_at = {db.clock} "
            "WHERE key = %s AND lease_token IS NULL",
            [adopted, key],
        )
