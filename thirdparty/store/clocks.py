"""Moments in rows that lie further ahead than any can: the database's clock was ahead once, and has been set back."""

from __future__ import annotations

from django.db import connection

from thirdparty.models.record import State
from thirdparty.store.dialect import dialect
from thirdparty.store.leased import leased
from thirdparty.store.tables import RECORDS

_MOST = 1_000


def bring_back(
    target: str, *, wait_seconds: float, lease_seconds: float, visibility_seconds: float, margin_seconds: float
) -> int:
    """Look now at what is due later than ``wait_seconds`` from now, which no wait makes it. Returns how many rows changed.

    A lease that may still be held lasts ``lease_seconds`` more, as long as its holder can last; a doubt ``visibility_seconds``.
    Either counts as ahead where it lasts for ``margin_seconds`` longer than that, whenever its record is due: the longest
    wait is longer by far, and a record that was changed since its claim is due at once, but nobody may claim it.
    """
    db = dialect(connection)
    leases, of_leases = leased(db, target)
    sql = f"""
        WITH ahead AS (
            SELECT key FROM {RECORDS} WHERE target = %s AND due_at > {db.after(fixed=True)} UNION
            SELECT key FROM ({leases}) AS leases WHERE leased_until > {db.after(fixed=True)} UNION
            SELECT key FROM {RECORDS} WHERE target = %s AND settled_state = '{State.UNKNOWN}' AND unknown_until > {db.after(fixed=True)}
        ), picked AS (
            SELECT key FROM {RECORDS} WHERE key IN (SELECT key FROM ahead) ORDER BY key LIMIT {_MOST} {db.skip_locked}
        )
        UPDATE {RECORDS} SET
            due_at = CASE WHEN due_at <= {db.now} THEN due_at ELSE {db.clock} END,
            leased_until = CASE WHEN lease_token IS NULL THEN NULL ELSE {db.after()} END,
            unknown_until = CASE WHEN unknown_until > {db.after()} THEN {db.after()} ELSE unknown_until END
        WHERE key IN (SELECT key FROM picked)
        RETURNING key
    """
    parameters = [
        target, wait_seconds,
        *of_leases, lease_seconds + margin_seconds,
        target, visibility_seconds + margin_seconds,
        lease_seconds, visibility_seconds, visibility_seconds,
    ]  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return len(cursor.fetchall())
