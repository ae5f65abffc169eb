"""The log of what is tried: written before a request is sent, closed with its result."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from uuid import uuid4

from django.db import connection

from thirdparty.decide.lease import Lease
from thirdparty.decide.plan import Call
from thirdparty.decide.result import FinishedStep, Outcome
from thirdparty.store.dialect import dialect
from thirdparty.store.prepared import prepared
from thirdparty.store.tables import ATTEMPTS, RECORDS

BACKFILL = "a backfill"
UNRECORDED = "changes that may have gone unrecorded"
NEW_VERSION = "a new version of its declaration"
MISSING = "an object without a record"
AUDIT = "an audit that mends"
"""What `Record.caused_by` says where nobody has changed anything: how long that takes is no measure of how quickly changes
arrive, so such attempts are owed since no moment."""
_BY_THE_ENGINE = ", ".join(f"'{cause}'" for cause in (BACKFILL, UNRECORDED, NEW_VERSION, MISSING, AUDIT))
_OWED_SINCE = f"CASE WHEN r.caused_by IN ({_BY_THE_ENGINE}) THEN NULL ELSE r.owed_since END"

WRITES = ", ".join(f"'{call}'" for call in Call if call.writes)


@dataclass(frozen=True, slots=True)
class OpenedAttempt:
    """``add_key``: for an add, its idempotency key (that of the unanswered add, if any); else empty.

    While the lease lasts only the attempt holds it; the row gets it when the add is settled without an answer, or
    its lease is taken over.
    """

    id: int
    add_key: str


def open_attempts(calls: Sequence[tuple[Lease, Call]]) -> Mapping[str, OpenedAttempt]:
    """Write down those of these steps whose lease is still their own, by the record's key; close what earlier leases left open.

    Whose lease has run out, or is another's by now, is not among them, and must not ask its target anything. That nobody takes
    a lease over between this statement and its commit is not a matter of locks: a lease that runs out in between leaves its holder
    no time to send anything (`thirdparty.run.calling`), so that whoever takes it over is right to find no attempt.
    """
    if not calls:
        return {}
    add_keys = {lease.key: lease.add_key or str(uuid4()) for lease, call in calls if call is Call.ADD}
    _close_left_open([lease.key for lease, _ in calls if lease.crashes])
    db = dialect(connection)
    rows = [
        {"record_id": lease.key, "token": lease.token, "call": call, "generation": lease.generation,
         "add_key": add_keys.get(lease.key, "")}
        for lease, call in calls
    ]  # fmt: skip
    given = db.given(record_id="text", token="text", call="text", generation="bigint", add_key="text")  # noqa: S106  # a type
    with prepared(), connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {ATTEMPTS} (record_id, lease_token, call, generation, idempotency_key, "
            "owed_since, started_at, outcome, reason, message) "
            f"SELECT g.record_id, g.token, g.call, g.generation, g.add_key, {_OWED_SINCE}, {db.clock}, '', '', '' "
            f"FROM ({given}) AS g JOIN {RECORDS} r ON r.key = g.record_id AND r.lease_token = g.token "
            f"WHERE r.leased_until > {db.now} RETURNING record_id, id",
            [json.dumps(rows)],
        )
        return {key: OpenedAttempt(attempt_id, add_keys.get(key, "")) for key, attempt_id in cursor.fetchall()}


def _close_left_open(keys: Sequence[str]) -> None:
    # Only a lease that ran out leaves an attempt open, and it is counted as a crash.
    if not keys:
        return
    db = dialect(connection)
    marks = ", ".join(["%s"] * len(keys))
    with prepared(), connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {ATTEMPTS} SET finished_at = {db.clock}, outcome = %s, reason = 'lease_expired', "
            "message = 'the worker died or was frozen before it could settle' WHERE id IN ("
            f"SELECT id FROM {ATTEMPTS} WHERE record_id IN ({marks}) AND finished_at IS NULL "
            f"ORDER BY id {db.skip_locked})",
            [Outcome.CRASHED, *keys],
        )


def close_attempts(ended: Sequence[FinishedStep], settled: Collection[str]) -> None:
    """Write down how these steps ended. One that somebody else is closing is left to them.

    ``settled``: the keys of those whose result their record took: a lease that was lost acknowledges nothing.
    """
    rows = [
        {"attempt_id": each.attempt_id, "outcome": result.outcome, "reason": result.reason[:40],
         "message": result.message[:300], "http_status": result.http_status,
         "acknowledged": result.acknowledged and each.lease.key in settled}
        for each in ended
        for result in [each.settlement]
        if each.attempt_id is not None
    ]  # fmt: skip
    if not rows:
        return
    db = dialect(connection)
    given = db.given(
        attempt_id="bigint", outcome="text", reason="text", message="text", http_status="smallint",
        acknowledged="boolean",
    )  # fmt: skip
    with prepared(), connection.cursor() as cursor:
        cursor.execute(
            f"WITH g AS ({given}), picked AS (SELECT id FROM {ATTEMPTS} WHERE id IN (SELECT attempt_id FROM g) "
            f"AND finished_at IS NULL ORDER BY id {db.skip_locked}) "
            f"UPDATE {ATTEMPTS} SET finished_at = {db.clock}, outcome = g.outcome, reason = g.reason, "
            f"message = g.message, http_status = g.http_status, acknowledged = g.acknowledged FROM g "
            f"WHERE {ATTEMPTS}.id = g.attempt_id AND {ATTEMPTS}.id IN (SELECT id FROM picked)",
            [json.dumps(rows)],
        )
