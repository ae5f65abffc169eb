"""The end of a target here: nothing is owed to it any more, and its records go. Nothing is asked of it."""

from __future__ import annotations

from collections.abc import Iterator

from django.db import connection, transaction

from thirdparty import targets
from thirdparty.models import Audit, Brake, BrakeEntry, Record
from thirdparty.store.dialect import dialect
from thirdparty.store.dropping import drop
from thirdparty.store.tables import RECORDS

ROWS_PER_STEP = 1_000


def steps(target: str) -> Iterator[int]:
    """Drop the records a thousand at a time, and yield how many each step dropped; 0 where others hold all that are left.

    Stopped half-way, it goes on where it was. A transaction from before may still add a record after the last step;
    it lies still, and goes when this is done once more, or is one like others when the target is named again.
    """
    targets.retire(target)
    while Record.objects.filter(target=target).exists():
        yield _drop_some(target)
    BrakeEntry.objects.filter(target=target).delete()
    Brake.objects.filter(target=target).delete()
    Audit.objects.filter(target=target).delete()


def _drop_some(target: str) -> int:
    db = dialect(connection)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT key FROM {RECORDS} WHERE target = %s ORDER BY key LIMIT %s {db.skip_locked}",
                [target, ROWS_PER_STEP],
            )
            keys = [key for (key,) in cursor.fetchall()]
        return drop(keys)
