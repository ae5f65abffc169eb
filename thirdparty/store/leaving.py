"""The records whose objects have left, and which stay at their target as its policy says (decision 0031)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

from django.db import connection
from django.db.models.functions import Now

from thirdparty.connectors.leaving import Leaving, OnLeave
from thirdparty.decide.brake import Change
from thirdparty.models import Record
from thirdparty.models.record import State
from thirdparty.store.dialect import Dialect, dialect
from thirdparty.store.tables import RECORDS


def owe_deletions(target: str, leaving: Leaving, limit: int) -> int:
    """Owe the deletion of what has stayed for all of its days. Returns how many, of ``limit`` at most.

    What was acknowledged so long ago may be somebody else's by now: it is read back first.
    """
    if leaving.delete_after_seconds is None:
        return 0
    db = dialect(connection)
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {RECORDS} SET generation = generation + 1, owed_since = COALESCE(owed_since, {db.clock}), "
            f"due_at = {db.clock}, look_first = {db.true} WHERE key IN (SELECT key FROM {RECORDS} "
            f"WHERE target = %s AND left_at <= {db.after(fixed=True)} AND state = '{State.LEFT}' "
            f"ORDER BY key LIMIT %s {db.skip_locked})",
            [target, -leaving.delete_after_seconds, limit],
        )
        return int(cursor.rowcount)


def days_over(keys: Collection[str], leaving: Leaving) -> set[str]:
    """Those of these records that have stayed for all of their days."""
    if leaving.delete_after_seconds is None:
        return set()
    before = Now() - timedelta(seconds=leaving.delete_after_seconds)
    return set(Record.objects.filter(key__in=keys, left_at__lte=before).values_list("key", flat=True))


def owed_change(db: Dialect, leaving: Leaving, alias: str) -> str:
    """As SQL, what will be done to a record whose object is gone: a `Change`, or NULL where nothing is taken away."""
    seconds = leaving.delete_after_seconds
    cases = []
    if seconds is not None:
        cases.append(f"WHEN {alias}.left_at <= {db.after(f'{-seconds:f}')} THEN '{Change.DELETE}'")
    elif leaving.on_leave is OnLeave.DELETE:
        return f"'{Change.DELETE}'"
    if leaving.on_leave is OnLeave.DEACTIVATE:
        cases.append(f"WHEN {alias}.left_at IS NULL THEN '{Change.DEACTIVATE}'")
    return f"(CASE {' '.join(cases)} END)" if cases else "NULL"
