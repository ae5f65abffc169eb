"""Moments in rows that lie further ahead than any can: the database's clock was ahead once, and has been set back."""

from __future__ import annotations

from django.db import connection

from thirdparty.models.record import State
from thirdparty.store.dialect import dialect
from thirdparty.store.tables import RECORDS

_MOST = 1_000
_LEASES_AMONG = 5_000
"""Of what is due first and last, so many are looked through for leases: not a million in every tick."""


def bring_back(
    target: str, *, wait_seconds: float, lease_seconds: float, visibility_seconds: float, margin_seconds: float
) -> int:
    """Look now at what is due later than ``wait_seconds`` from now, which no wait makes it. Returns how many rows changed.

    A lease that may still be held lasts ``lease_seconds`` more, as long as its holder can last; a doubt ``visibility_seconds``.
    Either counts as ahead where it lasts for ``margin_seconds`` longer than that, whenever its record is due: the longest
    wait is longer by far, and a record that was changed since its claim is due at once, but nobody may claim it.
    """
    db = dialect(connection)
    # What was leased then was due: by now before all else, or, if that was by the clock of then, after all else.
    due = f"SELECT key, state, leased_until FROM {RECORDS} WHERE target = %s AND due_at IS NOT NULL ORDER BY due_at"
    ends = " UNION ".join(
        f"SELECT * FROM ({due} {way}, key {way} LIMIT {_LEASES_AMONG}) AS {way}_end" for way in ("ASC", "DESC")
    )
    sql = f"""
        WITH ahead AS (
            SELECT key FROM {RECORDS} WHERE target = %s AND due_at > {db.after()} UNION
            SELECT key FROM ({ends}) AS ends WHERE state = '{State.IN_FLIGHT}' AND leased_until > {db.after()} UNION
            SELECT key FROM {RECORDS} WHERE target = %s AND settled_state = '{State.UNKNOWN}' AND unknown_until > {db.after()}
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
    parameters: list[str | float] = [
        target, wait_seconds,
        target, target, lease_seconds + margin_seconds,
        target, visibility_seconds + margin_seconds,
        lease_seconds, visibility_seconds, visibility_seconds,
    ]  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return len(cursor.fetchall())
