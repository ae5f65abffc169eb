"""Take the leases of records that are due and free."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.db.models import Q

from thirdparty.decide.lease import Lease, Terms
from thirdparty.decide.ownership import TRUST
from thirdparty.decide.plan import Call
from thirdparty.declaration import KeyChanges, is_declared, of_kind
from thirdparty.models import Record
from thirdparty.store import choosing
from thirdparty.store.attempts import AUDIT, BACKFILL, WRITES
from thirdparty.store.dialect import POSTGRESQL, Dialect, dialect
from thirdparty.store.prepared import prepared
from thirdparty.store.tables import ATTEMPTS, RECORDS, TARGETS

SUSPECT_CRASHES = 3


def claim(
    keys: Sequence[str], terms: Terms, *, expected_due_at: datetime | None = None, strict: str | None = None
) -> list[Lease]:
    """Take the leases of those records that may be worked on now: due, free, not parked, blocked, paused or silent.

    Of those kinds alone whose declaration this process has in the database's version (`thirdparty.store.current`).

    ``expected_due_at``: claim also before a record is due, provided its ``due_at`` still is this one; so a
    retry message is good for just the settlement that sent it. A lease that ran out with a write
    under way leaves that write's outcome unknown: a new window is opened (PROTOCOL 2), an add's key is kept, and what a
    delete may have freed is looked at before it is written to.
    ``strict``: the token of an open strict write, whose holder alone may claim, due or not, parked or not. What is
    asked of the target then is not the object as it is, so the records are owed from here on.
    Raises `IntegrityError` where two records took one natural key in the same instant, unless on terms of each
    alone.
    Call outside of transactions: declared code runs next, and no row is to stay locked while it does (PROTOCOL 1). Then comes
    `open_attempts`, or `release`.
    """
    if not keys:
        return []
    return _claim(choosing.these(keys, expected_due_at, strict), terms)


def claim_due(target: str, limit: int, terms: Terms, *, latest_first: bool = False) -> list[Lease]:
    """As `claim`, for up to ``limit`` records of a target: people's edits first, then what has been due for longest.

    ``latest_first``: leave edits out and begin with what became due last. Taken now and then, so that
    neither edits without end nor a large backfill keep retries waiting. A record with which several workers died is
    claimed alone, where nothing else is due: others that were claimed with it would look as guilty.
    """
    choice = choosing.due(target, limit, latest_first=latest_first)
    # A lease that ran out is counted when the next one is taken.
    crashes = "s.crashes + CASE WHEN s.lease_token IS NULL THEN 0 ELSE 1 END"
    others = replace(choice, condition=f"{choice.condition} AND {crashes} < {SUSPECT_CRASHES}")
    return _claim(others, terms) or _claim(replace(choice, limit=1), terms)


def is_claimable(key: str, *, expected_due_at: datetime | None = None, strict: str | None = None) -> bool:
    """Whether `claim` would take this record now: for asking before something scarce is spent on it."""
    return bool(choosing.picked(choosing.these([key], expected_due_at, strict), free=True))


def is_any_claimable(target: str) -> bool:
    """Whether `claim_due` would take any record now: for the same. One that somebody holds it would not."""
    return bool(choosing.picked(choosing.due(target, 1), free=True))


def is_edit_claimable(target: str) -> bool:
    """The same, of what people have just changed alone."""
    choice = choosing.due(target, 1)
    edits = replace(choice, condition=f"{choice.condition} AND s.due_at = {dialect(connection).epoch}")
    return bool(choosing.picked(edits, free=True))


def _claim(choice: choosing.Choice, terms: Terms) -> list[Lease]:
    if not terms.one_by_one:
        return _take(choice, terms)
    leases: list[Lease] = []
    for key in choosing.picked(choice):
        one = choosing.Choice(f"({choice.condition}) AND s.key = %s", [*choice.parameters, key], strict=choice.strict)
        with suppress(IntegrityError), transaction.atomic():
            leases += _take(one, terms)
    return leases


def _take(choice: choosing.Choice, terms: Terms) -> list[Lease]:
    expires = time.monotonic() + terms.lease_seconds
    db = dialect(connection)
    picks, parameters = choosing.picks(db, choice)
    # The steps of one strict write are of one generation after the other, and count together.
    owe = (
        f"generation = generation + 1, owed_since = COALESCE(owed_since, {db.clock}), no_progress_generation = "
        "CASE WHEN no_progress_generation = generation THEN generation + 1 ELSE no_progress_generation END,"
        if choice.strict
        else ""
    )
    left_open = f"FROM {ATTEMPTS} a WHERE a.record_id = key AND a.lease_token = {RECORDS}.lease_token AND a.finished_at IS NULL"
    sql = f"""
        WITH picked AS ({picks} {choosing.skipping_held(db)})
        UPDATE {RECORDS} SET
            unknown_until = CASE WHEN lease_token IS NOT NULL AND EXISTS (SELECT 1 {left_open} AND a.call IN ({WRITES}))
                THEN {db.greatest}(COALESCE(unknown_until, {db.epoch}), {db.after()}) ELSE unknown_until END,
            add_key = CASE WHEN lease_token IS NULL THEN add_key
                ELSE COALESCE((SELECT a.idempotency_key {left_open} AND a.call = '{Call.ADD}'), add_key) END,
            look_first = look_first OR (lease_token IS NOT NULL
                AND EXISTS (SELECT 1 {left_open} AND a.call = '{Call.DELETE}')) OR (claims = 0 AND remote_id IS NULL
                AND EXISTS (SELECT 1 FROM {TARGETS} t WHERE t.name = {RECORDS}.target AND t.held_before)),
            crashes = crashes + CASE WHEN lease_token IS NULL THEN 0 ELSE 1 END,
            {owe}
            lease_token = {db.new_token},
            claims = claims + 1,
            leased_until = {db.after()},
            due_at = CASE WHEN due_at <= {db.now} THEN due_at ELSE {db.clock} END,
            natural_key = {choosing.key_at_target("", db, strict=choice.strict)}
            {_former_key(choice)}
        WHERE key IN (SELECT key FROM picked)
        RETURNING key, target, kind, object_id, lease_token, generation, deleted, remote_id, natural_key, adopted,
            add_key, unknown_until, unknown_until <= {db.now}, failed_tries, crashes,
            look_first, no_progress, no_progress_generation, sent, released_generation,
            COALESCE(left_at > {db.epoch}, {db.false}) AND caused_by NOT IN ('{BACKFILL}', '{AUDIT}'), COALESCE(left_at <= {db.after()}, {db.false}),
            {db.false if choice.strict else choosing.replaced("")} AND NOT deleted AND adopted <> '{TRUST}' AND '' NOT IN (natural_key, wanted_key)
                AND natural_key <> wanted_key,
            former_key
            {_unflushed(db)}
    """
    with prepared(), connection.cursor() as cursor:
        stays_seconds = terms.delete_after_seconds or 0.0
        cursor.execute(sql, [*parameters, terms.visibility_seconds, terms.lease_seconds, -stays_seconds])
        return [_lease(row, expires) for row in cursor.fetchall()]


def _former_key(choice: choosing.Choice) -> str:
    if choice.strict:
        return ""
    return f", former_key = CASE WHEN {choosing.takes_another('')} THEN natural_key WHEN may_exist THEN former_key ELSE '' END"


def _unflushed(db: Dialect) -> str:
    # A claim that a crash of the server takes back has sent nothing: the attempt is flushed before anything is sent, and what was
    # committed before it with it. In somebody's transaction this would hold for their writes, too.
    if db is not POSTGRESQL or connection.in_atomic_block:
        return ""
    return ", (SELECT set_config('synchronous_commit', 'off', true))"


def key_holder(row: Record) -> Record | None:
    """The other row whose remote record may still hold the natural key that this row is to have: it goes first."""
    natural_key = key_to_hold(row)
    return other_holder(row.key, row.target, row.kind, natural_key) if natural_key else None


def key_to_hold(row: Record) -> str:
    """The natural key that the row needs for its next step; empty where it needs none."""
    if row.deleted and not row.may_exist:
        return ""
    wanted = "" if row.deleted else row.wanted_key
    renamed = is_declared(row.kind) and of_kind(row.kind).key_changes is KeyChanges.RENAMED
    taken = renamed and not row.former_key and row.unknown_until is None
    if taken or (not row.may_exist and _gives_up(row)):
        return wanted
    return row.natural_key or wanted


def _gives_up(row: Record) -> bool:
    """Whether the natural key that it had is not its own any more, now that nothing is there under it."""
    if is_declared(row.kind) and of_kind(row.kind).key_changes is not KeyChanges.KEPT:
        return True
    return other_holder(row.key, row.target, row.kind, row.natural_key) is not None


def other_holder(key: str, target: str, kind: str, natural_key: str) -> Record | None:
    """The row, but this one, whose remote record has this natural key, or may have it."""
    theirs = Q(natural_key=natural_key) | Q(former_key=natural_key)
    return Record.objects.filter(theirs, target=target, kind=kind, may_exist=True).exclude(key=key).first()


def _lease(row: tuple[Any, ...], expires: float) -> Lease:
    (key, target, kind, object_id, token, generation, deleted, remote_id, natural_key, adopted,
     add_key, unknown_until, window_over, failed_tries, crashes, look_first, no_progress, no_progress_generation, sent, released_generation,
     stays, days_over, replaces, former_key, *_) = row  # fmt: skip
    return Lease(
        key=key,
        target=target,
        kind=kind,
        object_id=object_id,
        external_id=of_kind(kind).external_id(object_id),
        token=token,
        expires=expires,
        generation=generation,
        deleted=bool(deleted),
        remote_id=remote_id,
        natural_key=natural_key,
        adopted=adopted,
        add_key=add_key,
        # Not asked of the statement: SQLite 3.40 answers IS NOT NULL with true, of a NULL, in a RETURNING.
        in_doubt=unknown_until is not None,
        window_over=bool(window_over),
        failed_tries=failed_tries,
        crashes=crashes,
        look_first=bool(look_first),
        # A change of the object begins anew, whatever wrote it.
        no_progress=no_progress if no_progress_generation == generation else 0,
        sent=sent,
        released=released_generation == generation,
        stays=bool(stays),
        days_over=bool(days_over),
        replaces=bool(replaces),
        former_key=former_key,
    )
