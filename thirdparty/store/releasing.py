"""Give leases back of which nothing was made."""

from __future__ import annotations

import json
from collections.abc import Sequence

from django.db import connection

from thirdparty.decide.lease import Lease
from thirdparty.store.dialect import dialect
from thirdparty.store.tables import ATTEMPTS, RECORDS


def release(leases: Sequence[Lease]) -> None:
    """Let others claim these records at once, where the lease is still this one and no attempt was written down under it.

    Behind what is due by now, unless their objects were changed meanwhile: what made nothing of them may do so again, and others
    are not to wait for that. Nobody is waited for: one whose row is locked comes when its lease has run out.
    """
    db = dialect(connection)
    rows = [{"record_id": lease.key, "token": lease.token, "seen": lease.generation} for lease in leases]
    given = db.given(record_id="text", token="text", seen="bigint")  # noqa: S106  # a type
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH g AS ({given}), picked AS (SELECT s.key, g.seen FROM {RECORDS} s JOIN g ON s.key = g.record_id "
            f"AND s.lease_token = g.token WHERE NOT EXISTS (SELECT 1 FROM {ATTEMPTS} a WHERE a.record_id = s.key "
            f"AND a.lease_token = s.lease_token) ORDER BY s.key {db.skip_locked and 'FOR UPDATE OF s SKIP LOCKED'}) "
            f"UPDATE {RECORDS} SET lease_token = NULL, leased_until = NULL, "
            f"due_at = CASE WHEN generation > picked.seen THEN due_at ELSE {db.clock} END, "
            # Nothing was sent under the new natural key.
            "natural_key = CASE WHEN former_key <> '' AND unknown_until IS NULL THEN former_key ELSE natural_key END, "
            "former_key = CASE WHEN unknown_until IS NULL THEN '' ELSE former_key END "
            f"FROM picked WHERE {RECORDS}.key = picked.key",
            [json.dumps(rows)],
        )
