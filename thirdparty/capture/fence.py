"""Which open transactions may not have seen that a target was enabled, and so did not owe it what they change.

A trigger sees the targets that its transaction sees: of READ COMMITTED, those committed before the trigger ran; of
a stricter isolation, those committed before the transaction began to read. So a fence, a transaction of our own, is drawn
once the enabling is committed. Transactions older than the fence, and snapshots that are, may have missed it; when the
last of them has ended, what they did is visible to all. No lock stands for this.

SQLite needs none: it has one writer at a time, and the enabling was one. Whoever writes after it has seen it.
"""

from __future__ import annotations

from django.db import connection
from django.db.models.functions import Now

from thirdparty.models.target import FENCE_TO_DRAW, Target

_XIDS = 2**32
_HALF = 2**31

# Older by the 32 bits that PostgreSQL shows of a transaction; two that are open at once are never further apart than half
# of them. A fence of another cluster (the database was restored from a dump) may lie outside: nobody is older then.
_OPEN = f"""
    SELECT (%(fence)s BETWEEN pg_snapshot_xmax(pg_current_snapshot())::text::bigint - {_HALF}
                          AND pg_snapshot_xmax(pg_current_snapshot())::text::bigint)
    AND EXISTS (
        SELECT 1 FROM (
            SELECT unnest(ARRAY[backend_xid, backend_xmin])::text::bigint AS xid FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid()
            -- The kind is hidden from other roles than the owner; of whom it is not known, the worst is assumed.
            AND COALESCE(backend_type, '') NOT IN ('autovacuum worker', 'walsender')
            UNION ALL
            SELECT transaction::text::bigint FROM pg_prepared_xacts WHERE database = current_database()
        ) AS running
        WHERE xid IS NOT NULL AND ((xid - %(fence)s) & {_XIDS - 1}) >= {_HALF}
    )
"""


def draw(target: str) -> None:
    """Draw this target's fence, unless it has one; the wait counts from here. Not in the transaction that enables it."""
    rows = Target.objects.filter(name=target, fence=FENCE_TO_DRAW)
    if connection.vendor != "postgresql":
        rows.update(fence=FENCE_TO_DRAW + 1, behind_since=Now())
        return
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {Target._meta.db_table} SET fence = pg_current_xact_id()::text::bigint, behind_since = clock_timestamp() "
            "WHERE name = %s AND fence = %s",
            [target, FENCE_TO_DRAW],
        )


def is_anybody_older(fence: int) -> bool:
    """Whether a transaction or snapshot from before the fence is still open in this database."""
    if connection.vendor != "postgresql":
        return False
    with connection.cursor() as cursor:
        cursor.execute(_OPEN, {"fence": fence})
        ((older,),) = cursor.fetchall()
    return bool(older)
