"""References between records (PROTOCOL 18): who was sent with whose remote id, and who waits for whom.

A record waits in two ways: for the remote id of one that it refers to (``waits_for``), and with its own deletion for one
that was sent with its remote id (``held_by``). Both sides look at each other once their own statement is committed, so that
whoever comes last sees the other; one that dies in between is found by the next tick (`release`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from django.db import connection, transaction
from django.db.models import F

from thirdparty.decide.brake import HELD_BY_BRAKE
from thirdparty.decide.failures import BLOCKED, BLOCKED_LOOK_SECONDS, REFERENCE_CYCLE, still_named
from thirdparty.decide.plan import Call
from thirdparty.decide.result import FinishedStep, Next, Outcome
from thirdparty.declaration.registry import any_references
from thirdparty.models import Record, Reference
from thirdparty.models.record import REJECTED_BY_PERSON
from thirdparty.store.dialect import dialect
from thirdparty.store.tables import RECORDS, REFERENCES

_AT_ONCE = 1_000


def note(used: Mapping[str, Mapping[str, str]]) -> None:
    """Keep the remote ids that these records are about to be sent with, by key. Call in the transaction of the attempts."""
    rows = [
        Reference(record=key, on_record=on_record, remote_id=remote_id)
        for key, theirs in used.items()
        for on_record, remote_id in theirs.items()
    ]
    if rows:
        Reference.objects.bulk_create(
            rows, update_conflicts=True, unique_fields=["record", "on_record"], update_fields=["remote_id"]
        )


def forget_unused(used: Mapping[str, Sequence[str]]) -> None:
    """These records are level with just these references, and no answer is missing: forget their others.

    Call in the transaction that settles them: no later claim can have noted others, and no kill leaves any behind.
    """
    stale = [
        pk
        for pk, key, on_record in Reference.objects.filter(record__in=used).values_list("pk", "record", "on_record")
        if on_record not in used[key]
    ]
    Reference.objects.filter(pk__in=stale).delete()


def holders_of(keys: Sequence[str]) -> dict[str, str]:
    """For each of these records one that was sent with its remote id, and may still name it at the target; if any."""
    if not keys:
        return {}
    found: dict[str, str] = {}
    for record, on_record in Reference.objects.filter(on_record__in=keys).values_list("record", "on_record"):
        if record != on_record:
            found[on_record] = min(record, found.get(on_record, record))
    return found


def named_in_vain(keys: Sequence[str]) -> set[str]:
    """Those of these records that one names which is parked: the target may have refused it for that, and have lost them."""
    if not keys:
        return set()
    parked = Record.objects.exclude(parked__in=["", HELD_BY_BRAKE, REJECTED_BY_PERSON]).values("key")
    naming = Reference.objects.filter(on_record__in=keys, record__in=parked).exclude(record=F("on_record"))
    return set(naming.values_list("on_record", flat=True))


def refused(ended: FinishedStep) -> FinishedStep:
    """The step; a deletion that the target refused waits, if another record was sent with the remote id meanwhile."""
    lease, result = ended.lease, ended.settlement
    if ended.call != Call.DELETE or not result.parked or not any_references():
        return ended
    holder = holders_of([lease.key]).get(lease.key)
    if holder is None:
        return ended
    waits = replace(
        result, outcome=Outcome.TRANSIENT, parked="", held_by=holder, next=Next.LATER, delay_seconds=BLOCKED_LOOK_SECONDS,
        spends_try=False, reason=BLOCKED, message=still_named(holder),
    )  # fmt: skip
    return replace(ended, settlement=waits)


def is_circle(key: str, waits_for: str) -> bool:
    """Whether a record that waits for this one would wait for itself in the end."""
    seen = {key}
    at: str | None = waits_for
    while at is not None and at not in seen:
        seen.add(at)
        at = Record.objects.filter(key=at).values_list("waits_for", flat=True).first()
    return at == key


def release(keys: Sequence[str] | None = None) -> list[str]:
    """Make due what waits no longer, and owe who was sent with an id that has changed. Returns the keys of both.

    Parked ones, too: a circle may have been broken, and a target refuses what names a record that is not there any more.
    Not what a person decides about: what the brake holds, and what was rejected.

    ``keys``: those that just changed, and whoever waits for them; None for whatever is found.
    """
    return [*_wake(keys), *_owe_outdated(keys)]


def _wake(keys: Sequence[str] | None) -> list[str]:
    db = dialect(connection)
    marks = ", ".join(["%s"] * len(keys)) if keys is not None else ""
    concerned = (
        "" if keys is None else f"AND (s.key IN ({marks}) OR s.waits_for IN ({marks}) OR s.held_by IN ({marks}))"
    )
    arrived = f"EXISTS (SELECT 1 FROM {RECORDS} o WHERE o.key = s.waits_for AND o.remote_id IS NOT NULL)"
    freed = f"NOT EXISTS (SELECT 1 FROM {REFERENCES} f WHERE f.record = s.held_by AND f.on_record = s.key)"
    sql = f"""
        WITH picked AS (
            SELECT s.key FROM {RECORDS} s WHERE (s.waits_for IS NOT NULL OR s.held_by IS NOT NULL) {concerned}
            AND (s.waits_for IS NULL OR {arrived}) AND (s.held_by IS NULL OR {freed}) AND s.lease_token IS NULL
            ORDER BY s.key LIMIT {_AT_ONCE} {db.skip_locked and "FOR UPDATE OF s SKIP LOCKED"}
        )
        UPDATE {RECORDS} SET waits_for = NULL, held_by = NULL,
            due_at = CASE WHEN parked IN ('', '{REFERENCE_CYCLE}') THEN {db.clock} ELSE due_at END,
            parked = CASE WHEN parked = '{REFERENCE_CYCLE}' THEN '' ELSE parked END
        WHERE key IN (SELECT key FROM picked) RETURNING key
    """
    with connection.cursor() as cursor:
        cursor.execute(sql, list(keys) * 3 if keys is not None else [])
        return [key for (key,) in cursor.fetchall()]


def _owe_outdated(keys: Sequence[str] | None) -> list[str]:
    db = dialect(connection)
    concerned = "" if keys is None else f"AND f.on_record IN ({', '.join(['%s'] * len(keys))})"
    outdated = (
        f"SELECT f.record FROM {REFERENCES} f JOIN {RECORDS} o ON o.key = f.on_record "
        f"WHERE COALESCE(o.remote_id, '') <> f.remote_id {concerned}"
    )
    sql = f"""
        WITH picked AS (
            SELECT s.key FROM {RECORDS} s WHERE s.key IN ({outdated}) AND NOT s.deleted
            AND (s.parked NOT IN ('', '{HELD_BY_BRAKE}', '{REJECTED_BY_PERSON}') OR (s.parked = '' AND s.synced_generation >= s.generation))
            ORDER BY s.key LIMIT {_AT_ONCE} {db.skip_locked and "FOR UPDATE OF s SKIP LOCKED"}
        )
        UPDATE {RECORDS} SET generation = generation + 1, parked = '', due_at = {db.clock},
            owed_since = COALESCE(owed_since, {db.clock})
        WHERE key IN (SELECT key FROM picked) RETURNING key
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, list(keys) if keys is not None else [])
        owed = [key for (key,) in cursor.fetchall()]
        if owed:
            # Once for each id: what cannot even be sent would be owed for ever.
            cursor.execute(
                f"UPDATE {REFERENCES} SET remote_id = COALESCE(o.remote_id, '') FROM {RECORDS} o "
                f"WHERE o.key = on_record AND record IN ({', '.join(['%s'] * len(owed))})",
                owed,
            )
        return owed
