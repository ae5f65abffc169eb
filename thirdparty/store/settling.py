"""Write the results of steps, each only under its own lease's token."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from django.db import DataError, IntegrityError, OperationalError, connection, transaction

from thirdparty.decide.brake import HELD_BY_BRAKE
from thirdparty.decide.result import Doubt, FinishedStep, Next, Outcome, StepResult
from thirdparty.declaration.registry import any_references
from thirdparty.models import Record
from thirdparty.models.record import State
from thirdparty.store import choosing
from thirdparty.store.attempts import close_attempts
from thirdparty.store.contention import is_contention, wait_briefly
from thirdparty.store.current import is_current
from thirdparty.store.dialect import dialect
from thirdparty.store.meeting import meet, whose
from thirdparty.store.prepared import prepared
from thirdparty.store.references import forget_unused, refused
from thirdparty.store.tables import RECORDS

# What those ask who settle; anything else is fetched when it is read, as after `only()`: making whole models of
# thousands of rows was most of what settling cost a drain (bench/drain-profile.txt).
_ASKED = (
    "key", "target", "kind", "object_id", "state", "failed_tries", "due_at", "parked", "last_error", "may_exist", "natural_key", "former_key",
)  # fmt: skip
_COLUMNS = ", ".join(f"{RECORDS}.{column} AS {column}" for column in _ASKED)
_GIVEN = {
    "record_id": "text", "token": "text", "seen": "bigint", "acknowledged": "boolean", "raise_above": "bigint",
    "doubt": "text", "park": "text", "delay": "double precision", "new_remote_id": "text",
    "new_adopted": "text", "new_add_key": "text", "failed": "boolean", "tried": "boolean", "crashed": "boolean", "error": "text", "why": "text",
    "look": "text", "looks": "boolean", "stays": "boolean", "no_progress": "bigint", "waits_for": "text", "held_by": "text", "new_sent": "text",
    "known_by": "text",
}  # fmt: skip


@dataclass(slots=True)
class Settled:
    """``rows``: those settled, by key. ``locked``: not yet, since somebody else is writing their rows.

    Whose key is in neither had lost its lease.
    """

    rows: dict[str, Record] = field(default_factory=dict)
    locked: list[FinishedStep] = field(default_factory=list)


def settle(
    ended: Sequence[FinishedStep], *, visibility_seconds: float, grace_seconds: float, waits: bool = True
) -> Settled:
    """Write these results. Those whose rows others hold are left locked; only a single one that ``waits`` waits for its row.

    The object changed meanwhile → due at once, and not parked. The declaration did, so that this process has an older version
    than the database → the same, behind what people wait for: what was acknowledged is not what is wanted now. Two rows of one remote id cannot be: `meet` decides
    between them, and the others of its batch do not suffer.
    """
    if not ended:
        return Settled()
    ended = [refused(whose(each)) for each in ended]
    try:
        with transaction.atomic():
            return _settle(ended, visibility_seconds, grace_seconds, waits=waits and len(ended) == 1)
    except (IntegrityError, DataError, OperationalError) as error:
        if isinstance(error, OperationalError) and not _is_of_one_row(error, ended):
            raise
        if len(ended) > 1:
            settled = Settled()
            for each in ended:
                one = settle([each], visibility_seconds=visibility_seconds, grace_seconds=grace_seconds, waits=False)
                settled.rows |= one.rows
                settled.locked += one.locked
            return settled
        if isinstance(error, OperationalError):
            return _left_locked(ended, error, waits=waits)
        unstorable = isinstance(error, DataError)
    [only] = ended
    try:
        with transaction.atomic():
            instead = replace(only, settlement=_unstorable(only) if unstorable else meet(only, waits=waits))
            return _settle([instead], visibility_seconds, grace_seconds, waits=waits)
    except OperationalError as error:
        return _left_locked(ended, error, waits=waits)


def _is_of_one_row(error: OperationalError, ended: Sequence[FinishedStep]) -> bool:
    return is_contention(error) and (len(ended) == 1 or bool(dialect(connection).skip_locked))


def _left_locked(ended: Sequence[FinishedStep], error: OperationalError, *, waits: bool) -> Settled:
    if waits or not is_contention(error):
        raise error
    return Settled(locked=list(ended))


def _unstorable(ended: FinishedStep) -> StepResult:
    lease = ended.lease
    # As an answer that nobody can read: what the target made of the request is to be looked up.
    return StepResult(
        outcome=Outcome.REJECTED,
        remote_id=lease.remote_id,
        adopted=lease.adopted,
        sent=lease.sent,
        add_key=ended.add_key or lease.add_key,
        doubt=Doubt.OPEN,
        parked="unstorable",
        reason="unstorable",
        message="the target's answer cannot be stored",
    )


def _settle(ended: Sequence[FinishedStep], visibility_seconds: float, grace_seconds: float, *, waits: bool) -> Settled:
    db = dialect(connection)
    opened = f"{db.greatest}(COALESCE(unknown_until, {db.epoch}), {db.after()})"
    recheck = f"CASE g.doubt WHEN '{Doubt.OPEN}' THEN {opened} WHEN '{Doubt.KEEP}' THEN unknown_until END"
    # What is wanted under another natural key is not level by what it was sent under this one.
    acknowledged = f"(g.acknowledged AND NOT {_is_behind(recheck)})"
    # A declaration that has another version by now is as good as a change of the object: what was sent is of the old one.
    current = is_current(db)
    changed = f"(generation > g.seen OR NOT {current})"
    synced = f"CASE WHEN {acknowledged} THEN {db.greatest}(synced_generation, g.seen) ELSE synced_generation END"
    # What was level by an acknowledgement, or a person's word, and has something to be done about it, is level no more.
    found_more = f"(g.look = '{Next.NOW}' AND NOT g.acknowledged AND synced_generation >= generation)"
    wanted = (
        f"CASE WHEN g.raise_above IS NOT NULL THEN {db.greatest}(generation, g.raise_above) + 1 "
        f"WHEN {current} AND NOT {found_more} THEN generation ELSE generation + 1 END"
    )
    # A person let it go while it was on its way to be held.
    released = f"(g.park = '{HELD_BY_BRAKE}' AND COALESCE(released_generation = g.seen, {db.false}))"
    lock = "FOR UPDATE OF s" if waits else "FOR UPDATE OF s SKIP LOCKED"
    if not waits:
        # One that nobody holds may still wait for whoever writes the row that has its remote id.
        wait_briefly(connection)
    sql = f"""
        WITH g AS ({db.given(**_GIVEN)}), picked AS (
            SELECT s.key AS picked_key FROM {RECORDS} s JOIN g ON s.key = g.record_id AND s.lease_token = g.token
            ORDER BY s.key {db.skip_locked and lock}
        )
        UPDATE {RECORDS} SET
            lease_token = NULL, leased_until = NULL,
            generation = {wanted}, synced_generation = {synced}, unknown_until = {recheck},
            due_at = CASE WHEN generation > g.seen THEN {db.epoch} WHEN NOT {current} OR {released} THEN {db.clock}
                WHEN g.park <> '' THEN NULL
                WHEN g.look = '{Next.NOW}' THEN {db.clock}
                WHEN g.look = '{Next.LATER}' THEN {db.after("g.delay")}
                WHEN {synced} < {wanted} THEN COALESCE({recheck}, {db.clock}) ELSE {recheck} END,
            parked = CASE WHEN {changed} OR {released} THEN '' ELSE g.park END,
            owed_since = CASE WHEN {synced} < {wanted} THEN COALESCE(
                CASE WHEN {acknowledged} THEN NULL ELSE owed_since END, {db.clock}) END,
            remote_id = g.new_remote_id, adopted = g.new_adopted, add_key = g.new_add_key,
            sent = g.new_sent,
            failed_tries = CASE WHEN NOT g.failed THEN 0 WHEN g.tried THEN failed_tries + 1 ELSE failed_tries END,
            crashes = CASE WHEN g.crashed THEN crashes + 1 ELSE 0 END,
            look_first = CASE WHEN {changed} THEN look_first OR g.looks ELSE g.looks END,
            left_at = CASE WHEN g.stays THEN COALESCE(left_at, {db.clock})
                WHEN g.acknowledged OR NOT g.stays THEN NULL ELSE left_at END,
            caused_by = CASE WHEN g.stays AND NOT {changed} THEN '' ELSE caused_by END,
            waits_for = g.waits_for, held_by = g.held_by,
            no_progress = g.no_progress,
            released_generation = CASE WHEN released_generation = generation AND {current} THEN {wanted}
                ELSE released_generation END,
            no_progress_generation = CASE WHEN {changed} THEN g.seen ELSE {wanted} END,
            last_error = g.error, cause = g.why,
            failing_since = CASE WHEN g.why = '' THEN NULL WHEN cause = g.why THEN COALESCE(failing_since, {db.clock})
                ELSE {db.clock} END,
            synced_at = CASE WHEN {acknowledged} AND {current} THEN {db.clock} ELSE synced_at END
            {_names(recheck)}
        FROM g WHERE key = g.record_id AND lease_token = g.token AND key IN (SELECT picked_key FROM picked)
        RETURNING {_COLUMNS}, due_at <= {db.clock} AS due_now
    """
    given = json.dumps([_given(each, grace_seconds) for each in ended])
    with prepared():
        rows = Record.objects.raw(sql, [given, *[visibility_seconds] * sql.count(opened)])
        settled = Settled({row.key: row for row in rows})
    if any_references():
        # What has left and stays there names at the target what it named.
        level = {key for key, row in settled.rows.items() if row.state in (State.SYNCED, State.DELETED)}
        forget_unused({each.lease.key: each.refers_to for each in ended if each.lease.key in level})
    settled.locked = _locked([each for each in ended if each.lease.key not in settled.rows])
    close_attempts([each for each in ended if each not in settled.locked], settled.rows)
    return settled


def _is_behind(recheck: str) -> str:
    if choosing.renamed("") == choosing.NEVER:
        return choosing.NEVER
    here = f"g.new_remote_id IS NOT NULL AND NOT COALESCE(g.stays, {choosing.NEVER}) AND NOT deleted"
    return f"({choosing.renamed('')} AND {here} AND wanted_key <> '' AND wanted_key <> {_name(recheck)})"


def _name(recheck: str) -> str:
    """The natural key that it has from now on. Which of two it is, is known once nothing is in doubt any more."""
    return f"CASE WHEN g.known_by <> '' AND {recheck} IS NULL THEN g.known_by ELSE natural_key END"


def _names(recheck: str) -> str:
    known = f"g.known_by <> '' AND {recheck} IS NULL"
    return f", natural_key = {_name(recheck)}, former_key = CASE WHEN {known} THEN '' ELSE former_key END"


def _given(ended: FinishedStep, grace_seconds: float) -> dict[str, Any]:
    lease, result = ended.lease, ended.settlement
    return {
        "record_id": lease.key, "token": lease.token, "seen": lease.generation,
        "acknowledged": result.acknowledged, "raise_above": result.raise_above, "doubt": result.doubt,
        "park": result.parked, "look": result.next, "delay": result.delay_seconds + grace_seconds,
        "new_remote_id": result.remote_id, "new_adopted": result.adopted, "new_add_key": result.add_key,
        "failed": result.failed, "tried": result.spends_try, "crashed": result.outcome is Outcome.CRASHED and not result.parked,
        "looks": result.look_first, "stays": result.stays, "no_progress": result.no_progress,
        "waits_for": result.waits_for or None, "held_by": result.held_by or None, "new_sent": result.sent, "known_by": result.known_by,
        "error": f"{result.reason}: {result.message}"[:300] if result.failed else "",
        "why": result.reason[:40] if result.failed else "",
    }  # fmt: skip


def _locked(unsettled: Sequence[FinishedStep]) -> list[FinishedStep]:
    """Those whose lease is still their own: their rows were locked."""
    if not unsettled:
        return []
    tokens = dict(
        Record.objects.filter(key__in=[each.lease.key for each in unsettled]).values_list("key", "lease_token")
    )
    return [each for each in unsettled if tokens.get(each.lease.key) == each.lease.token]
