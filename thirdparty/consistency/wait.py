"""Wait for the targets: push one object's records in this process, right after the commit.

It is the same step that workers take, so whoever is first takes it and the other watches.
"""

from __future__ import annotations

import logging
import time
from concurrent.futures import ThreadPoolExecutor, wait

from django.db import connections

from thirdparty import request_id, targets, traces
from thirdparty.consistency.patience import retrying
from thirdparty.models import Record, Ref, Target
from thirdparty.models.record import AT_REST, State
from thirdparty.notify import hints
from thirdparty.run.until_done import Ending, push_until_done

logger = logging.getLogger(__name__)

_WATCH_EVERY_SECONDS = 0.05


def follow(ref: Ref, *, within_seconds: float) -> bool:
    """Bring this object's records level here and now; True when every target has followed within the time.

    Every target that is in use by the database: one that this process does not know is left to a worker, and watched.
    What is unfinished goes on without the caller: a call under way is settled in its thread, and
    a worker is woken for the rest. Raises nothing: the change is saved, whatever becomes of it here.
    """
    try:
        return _followed(ref, time.monotonic() + within_seconds, within_seconds)
    except Exception:
        logger.exception("the targets of %s are left to the workers", ref)
    for target in targets.names():
        hints.push_record(target, ref.key(target))
    return False


def _followed(ref: Ref, deadline: float, within_seconds: float) -> bool:
    in_use = Target.objects.filter(enabled=True).values("name")
    rows = list(Record.objects.of(ref).filter(target__in=in_use))
    if not rows:
        return True
    of_request = request_id.current()
    threads = ThreadPoolExecutor(
        len(rows), thread_name_prefix="follow", initializer=request_id.bind, initargs=(of_request,)
    )
    steps = [threads.submit(traces.carried(_follow), row, deadline) for row in rows]
    finished, late = wait(steps, timeout=within_seconds)
    threads.shutdown(wait=False)
    return not late and all(step.result() for step in finished)


def _follow(row: Record, deadline: float) -> bool:
    try:
        if row.target not in targets.names():
            hints.push_record(row.target, row.key)
            return _levelled(row.key, deadline)
        seen = row

        def once() -> Record:
            nonlocal seen
            seen = _try(seen, deadline) or seen
            return seen

        retrying(lambda last: not _over(last), within_seconds=deadline - time.monotonic())(once)
        if not _over(seen):
            hints.push_record(seen.target, seen.key, seen.due_at)
        return seen.state in AT_REST
    except Exception:
        logger.exception("%s is left to the workers", row.key)
        hints.push_record(row.target, row.key)
        return False
    finally:
        connections.close_all()


def _levelled(key: str, deadline: float) -> bool:
    """Whether somebody else brings the record level before the deadline."""
    while True:
        row = _watch(key, deadline)
        if row is None or _over(row) or time.monotonic() >= deadline:
            return row is not None and row.state in AT_REST
        time.sleep(_WATCH_EVERY_SECONDS)


def _over(row: Record) -> bool:
    """Level, or nothing that a further try would change."""
    return row.state in AT_REST or bool(row.parked)


def _try(row: Record, deadline: float) -> Record | None:
    """Steps until the record is level or one fails; or, where somebody else is at it, until they are done. None when the row is gone."""
    course = push_until_done(
        row.target,
        row.key,
        expected_due_at=row.due_at,
        goes_on=lambda pushed: pushed.again and not pushed.settlement.failed and time.monotonic() < deadline,
    )
    if course.ending in (Ending.NOT_OURS, Ending.LEASE_LOST):
        return _watch(row.key, deadline)
    return course.row


def _watch(key: str, deadline: float) -> Record | None:
    """The row once nobody works on it any more, or at the deadline."""
    while True:
        row = Record.objects.filter(key=key).first()
        if row is None or row.state != State.IN_FLIGHT or time.monotonic() >= deadline:
            return row
        time.sleep(_WATCH_EVERY_SECONDS)
