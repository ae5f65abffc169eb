"""Owe records again that are not at their target what they are to be, as an audit saw them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection, transaction

from thirdparty.store.attempts import AUDIT
from thirdparty.store.dialect import dialect
from thirdparty.store.tables import RECORDS


@dataclass(frozen=True, slots=True)
class Seen:
    """A record as it was at both looks."""

    key: str
    generation: int
    claims: int


def mend(records: Sequence[Seen]) -> set[str]:
    """Owe these again, behind what people wait for; the keys of those that are.

    Holds only for those that nobody has changed or worked on since they were seen; what somebody holds is left as it is.
    Their remote ids may be somebody else's by now: they are read before anything is written.
    """
    if not records:
        return set()
    db = dialect(connection)
    given = json.dumps([{"k": each.key, "g": each.generation, "c": each.claims} for each in records])
    sql = f"""
        WITH seen AS ({db.given(k="text", g="bigint", c="bigint")}), picked AS (
            SELECT s.key AS picked_key FROM {RECORDS} s JOIN seen ON s.key = seen.k
            WHERE s.generation = seen.g AND s.claims = seen.c AND s.synced_generation = s.generation
            AND s.lease_token IS NULL AND s.unknown_until IS NULL AND s.parked = ''
            ORDER BY s.key {db.skip_locked and "FOR UPDATE OF s SKIP LOCKED"}
        )
        UPDATE {RECORDS} SET generation = generation + 1, due_at = {db.clock},
            owed_since = COALESCE(owed_since, {db.clock}), caused_by = '{AUDIT}',
            look_first = CASE WHEN remote_id IS NULL THEN look_first ELSE {db.true} END
        WHERE key IN (SELECT picked_key FROM picked)
        RETURNING key
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, [given])
        return {key for (key,) in cursor.fetchall()}
