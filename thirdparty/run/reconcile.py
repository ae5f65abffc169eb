"""Finds what nobody is working on: due rows, waits of N hours, old tombstones and attempts.

Everything that a lost message, a dead worker or a wiped broker left behind surfaces here.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.db import connection, transaction
from django.db.models.functions import Now

from thirdparty import protect, store, targets
from thirdparty.connectors.http.retry_after import MAX_RETRY_AFTER_SECONDS
from thirdparty.decide.brake import DAY
from thirdparty.models import Attempt, BrakeEntry, Record
from thirdparty.models.record import State
from thirdparty.notify.hints import MOST_DRAINS
from thirdparty.protect.health import LONGEST_FAULTY_WAIT_SECONDS
from thirdparty.run import canary, heartbeat, samples
from thirdparty.settings import settings
from thirdparty.store.current import is_current
from thirdparty.store.dialect import dialect
from thirdparty.store.dropping import drop
from thirdparty.store.leased import in_state
from thirdparty.store.locking import lock
from thirdparty.store.tables import RECORDS

ROWS_PER_TICK = 1_000
ROWS_PER_DRAIN = 500
PRUNED_AT_ONCE = 5_000
_PRUNING_SECONDS = 2.0
_MARGIN_SECONDS = 60.0

PruneSome = Callable[[timedelta], int]
"""Forgets up to `PRUNED_AT_ONCE` of what is older, by the database's clock, and returns how many that were."""

logger = logging.getLogger(__name__)
_applications: list[tuple[PruneSome, timedelta]] = []


def drains_needed(names: Iterable[str] | None = None) -> dict[str, int]:
    """For each target with something due that nobody works on, and that this process may: how many drains that is worth.

    ``names``: of these targets; None for all that settings name. Looks at no more rows than tell that, however many there are, and at none that the target's guard would
    not let in before the next tick.
    """
    db = dialect(connection)
    sql = f"""
        SELECT count(*) FROM (
            SELECT 1 FROM {RECORDS} s WHERE s.target = %s AND s.due_at <= {db.now} AND s.parked = ''
            AND (s.leased_until IS NULL OR s.leased_until <= {db.now}) AND {is_current(db, "s.kind")}
            LIMIT %s
        ) AS due
    """
    needed = {}
    with connection.cursor() as cursor:
        for target in targets.names() if names is None else names:
            with on_its_own(f"target {target}"):
                limit = protect.allowance(
                    target, MOST_DRAINS * ROWS_PER_DRAIN, seconds=settings.SYNC_RECONCILE_EVERY_SECONDS
                )
                cursor.execute(sql, [target, limit])
                (count,) = cursor.fetchone()
                if count:
                    needed[target] = -(-count // ROWS_PER_DRAIN)
    return needed


@contextmanager
def on_its_own(part: str) -> Iterator[None]:
    """What fails in here is logged, and other parts of the tick, other targets' above all, get their turn."""
    try:
        yield
    except Exception:
        logger.exception("%s: a part of the tick failed", part)


def bring_back() -> int:
    """Look at what is due or leased further ahead than can be: the database's clock was ahead when it was written."""
    backoff, count = settings.backoff(), 0
    for target in targets.names():
        visibility_seconds = targets.config(target).visibility_seconds
        wait_seconds = max(backoff.most_seconds, LONGEST_FAULTY_WAIT_SECONDS) + MAX_RETRY_AFTER_SECONDS
        wait_seconds += backoff.grace_seconds + visibility_seconds + settings.SYNC_LEASE_SECONDS + _MARGIN_SECONDS
        with on_its_own(f"target {target}"):
            count += store.bring_back(
                target,
                wait_seconds=wait_seconds,
                lease_seconds=settings.SYNC_LEASE_SECONDS,
                visibility_seconds=visibility_seconds,
                margin_seconds=_MARGIN_SECONDS,
            )
    return count


def pull_forward() -> int:
    """Bring whatever has been owed for N hours back to now, at most once per N hours each."""
    # What lies ahead of the clock is of one that has been set back, and may be as old.
    db = dialect(connection)
    wait_seconds = settings.SYNC_RECONCILE_AFTER_HOURS * 3600
    sql = f"""
        WITH waiting AS (
            SELECT key FROM {RECORDS}
            WHERE (owed_since <= {db.after(fixed=True)} OR owed_since > {db.now}) AND due_at > {db.now} AND parked = ''
            AND (leased_until IS NULL OR leased_until <= {db.now})
            AND (pulled_at IS NULL OR pulled_at <= {db.after()} OR pulled_at > {db.clock})
            ORDER BY owed_since LIMIT {ROWS_PER_TICK}
        ), picked AS (
            SELECT key FROM {RECORDS} WHERE key IN (SELECT key FROM waiting)
            AND due_at > {db.now} AND parked = '' AND (leased_until IS NULL OR leased_until <= {db.now})
            ORDER BY key {db.skip_locked}
        )
        UPDATE {RECORDS} SET due_at = {db.clock}, pulled_at = {db.clock} WHERE key IN (SELECT key FROM picked)
        RETURNING key
    """
    with connection.cursor() as cursor:
        cursor.execute(sql, [-wait_seconds, -wait_seconds])
        return len(cursor.fetchall())


def prune_also(prune_some: PruneSome, kept_for: timedelta) -> None:
    """Have `prune` forget what an application keeps for so long. Called once a process, while Django starts."""
    _applications.append((prune_some, kept_for))


def prune() -> int:
    """Forget attempts, confirmed tombstones and what applications keep (`prune_also`) past their retention.

    By the database's clock; some at a time, and not for long. Returns how many.
    """
    retention = timedelta(days=settings.SYNC_ATTEMPT_RETENTION_DAYS)
    own = (
        (_prune_attempts, retention),
        (_prune_tombstones, retention),
        (heartbeat.prune_some, heartbeat.KEPT_FOR),
        (canary.prune_some, canary.KEPT_FOR),
        (_prune_brake, DAY),
        (samples.prune_some, samples.KEPT_FOR),
    )
    return sum(_while_full(prune_some, kept_for) for prune_some, kept_for in (*own, *_applications))


def _while_full(prune_some: PruneSome, retention: timedelta) -> int:
    until = time.monotonic() + _PRUNING_SECONDS
    pruned, count = 0, PRUNED_AT_ONCE
    with on_its_own("pruning"):
        while count >= PRUNED_AT_ONCE and time.monotonic() < until:
            count = prune_some(retention)
            pruned += count
    return pruned


def _prune_attempts(retention: timedelta) -> int:
    old = Attempt.objects.filter(started_at__lt=Now() - retention, finished_at__isnull=False)
    ids = old.order_by("started_at").values_list("id", flat=True)[:PRUNED_AT_ONCE]
    return Attempt.objects.filter(id__in=list(ids)).delete()[0]


def _prune_brake(kept_for: timedelta) -> int:
    """What no brake counts any more; what is held stays, with its date."""
    old = BrakeEntry.objects.filter(at__lt=Now() - kept_for)
    held = Record.objects.filter(in_state(State.HELD)).values("key")
    keys = old.exclude(record__in=held).order_by("at").values_list("record", flat=True)[:PRUNED_AT_ONCE]
    return BrakeEntry.objects.filter(record__in=list(keys)).delete()[0]


def _prune_tombstones(retention: timedelta) -> int:
    tombstones = Record.objects.filter(deleted=True, state=State.DELETED, synced_at__lt=Now() - retention)
    unfinished = Attempt.objects.filter(finished_at__isnull=True).values("record_id")
    old = tombstones.exclude(key__in=unfinished)
    keys = list(old.order_by("synced_at").values_list("key", flat=True)[:PRUNED_AT_ONCE])
    with transaction.atomic():
        # Locked as they are now: one whose object has come back is none any more, and nobody changes the others meanwhile.
        return drop(list(old.filter(key__in=lock(keys, skip=True)).values_list("key", flat=True)))
