"""Locks on records, in the order of their keys, as everybody takes them."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection

from thirdparty.store.dialect import dialect
from thirdparty.store.tables import RECORDS


def lock(keys: Sequence[str], *, skip: bool = False) -> set[str]:
    """Lock these records until the transaction ends, and say which; those of them that are free, with ``skip``."""
    db = dialect(connection)
    if not keys or not db.for_update:
        return set(keys)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT key FROM {RECORDS} WHERE key IN ({', '.join(['%s'] * len(keys))}) ORDER BY key "
            f"{db.skip_locked if skip else db.for_update}",
            list(keys),
        )
        return {key for (key,) in cursor.fetchall()}
