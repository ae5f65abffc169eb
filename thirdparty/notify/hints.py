"""Tells workers to look: at one record, or at whatever is due for a target. The rows are the truth; a lost hint costs time.

A single save wakes its record, which is quickest. Where saves come faster, or one transaction touched many
objects, one hint for the target takes the place of many.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime

from django.db import transaction

from thirdparty import request_id, targets, traces
from thirdparty.declaration import of_kind
from thirdparty.models import Record, Ref
from thirdparty.notify.broker import RECONCILE, publisher

PUSH = "thirdparty.push"
DRAIN = "thirdparty.drain"
AUDIT = "thirdparty.audit"
CANARY = "thirdparty.canary"
MOST_DRAINS = 8
"""So many drains of a target come of one hint, or of one tick, at most."""
_FEW = 3


class _Touched(threading.local):
    """The records that this thread's running transaction has touched, once it has touched any."""

    transaction: _Wakes | None = None


_touched = _Touched()
_quiet: ContextVar[bool] = ContextVar("quiet", default=False)
_throttling = threading.Lock()


class _Wakes:
    """The wakes of one transaction."""

    def __init__(self) -> None:
        self._keys: dict[str, set[str]] = {}
        self._whole: set[str] = set()

    def add(self, target: str, key: str) -> None:
        self._keys.setdefault(target, set()).add(key)

    def add_whatever_is_due(self, target: str) -> None:
        self._whole.add(target)

    def publish(self) -> None:
        # One span for all of them, so that hints to several targets are of one trace where nothing else makes it one.
        with traces.span("thirdparty.wake", {}):
            for target in self._whole:
                drain(target)
            for target, keys in self._keys.items():
                if target in self._whole:
                    continue
                if len(keys) > _FEW or not all(_single(target, key) for key in keys):
                    drain(target)


@contextmanager
def quiet(*, when: bool = True) -> Iterator[None]:
    """Publish no hints for what is written inside: the caller pushes it. Dying first costs a reconciler's tick."""
    before = _quiet.set(when or _quiet.get())
    try:
        yield
    finally:
        _quiet.reset(before)


def on_commit(ref: Ref) -> None:
    """Wake the records of this object once the running transaction has committed, if it does."""
    if _quiet.get():
        return
    of_theirs = of_kind(ref.kind).targets
    for target in targets.names():
        if of_theirs is None or target in of_theirs:
            record_on_commit(target, ref.key(target))


def record_on_commit(target: str, key: str) -> None:
    """Wake one record once the running transaction has committed, if it does."""
    _of_transaction(lambda wakes: wakes.add(target, key))


def drain_on_commit(target: str) -> None:
    """Wake whatever is due for this target once the running transaction has committed, if it does."""
    if not _quiet.get():
        _of_transaction(lambda wakes: wakes.add_whatever_is_due(target))


def _of_transaction(add: Callable[[_Wakes], None]) -> None:
    wakes = _touched.transaction
    # A savepoint that was rolled back took the hook with it, and so does the end of a transaction.
    hooks = [hook[1] for hook in transaction.get_connection().run_on_commit]
    if wakes is not None and wakes.publish in hooks:
        add(wakes)
        return
    _touched.transaction = wakes = _Wakes()
    add(wakes)
    transaction.on_commit(wakes.publish, robust=True)


def push_record(target: str, key: str, expected_due_at: datetime | None = None) -> bool:
    """Wake one record now; False when the broker would not take it. Raises nothing.

    The message carries the id of the request that is answered now, for the worker's log, and the present trace. A drain's
    carries neither: what is due for a target is of many requests.
    """
    arguments = [target, key, expected_due_at.isoformat() if expected_due_at else None]
    with traces.span("thirdparty.hint", {traces.TARGET: target}, traces.Kind.PRODUCER) as span:
        headers = request_id.message_headers() | traces.message_headers()
        published = publisher().publish(PUSH, arguments, headers=headers)
        if not published:
            span.failed("not_published")
    return published


def drain(target: str, *, within_seconds: float = 0.0) -> None:
    """Wake a drain of this target: now, or within a second of the last such wake, or after so many seconds.

    One that is yet to come for an earlier wake serves this one, too. Raises nothing.
    """
    with _throttling:
        seconds = publisher().throttle.hint(target, time.monotonic(), within_seconds=within_seconds)
    if seconds is None:
        return
    if seconds <= 0:
        start_drain(target)
    elif within_seconds:
        publisher().publish(DRAIN, [target], countdown=seconds)
    else:
        # In this process, not as a countdown at the broker: a worker holds those, and may hold few.
        timer = threading.Timer(seconds, start_drain, [target])
        timer.daemon = True
        timer.start()


def start_drain(target: str, *, helpers: int = MOST_DRAINS - 1, is_helper: bool = False) -> bool:
    """Publish one hint now, as it is; ``helpers``: how many more drains may come of it. Raises nothing.

    ``is_helper``: a drain asks for another beside itself. It never expires, which a worker would judge by its own
    clock: one that comes late finds a drain under way, or nothing due, and ends.
    """
    return publisher().publish(DRAIN, [target, helpers, is_helper])


def start_reconcile() -> bool:
    """Have a tick of the reconciler now, whatever beat does. Raises nothing."""
    return publisher().publish(RECONCILE, [])


def go_on_with_audit(audit_id: int, due_at: datetime) -> bool:
    """Have a worker take this audit further, as long as this is when it is due next. Raises nothing."""
    return publisher().publish(AUDIT, [audit_id, due_at.isoformat()])


def ask_whoever_works(token: str) -> bool:
    """Have a worker answer this question (`thirdparty.run.canary`); False when the broker would not take it. Raises nothing."""
    return publisher().publish(CANARY, [token])


def _single(target: str, key: str) -> bool:
    with _throttling:
        may = publisher().throttle.single(target, time.monotonic())
    if may:
        push_record(target, key)
    return may


def wake_key_waiter(row: Record) -> None:
    """Where its natural key has become free at the target, wake the record that waits for it."""
    if row.may_exist or not row.natural_key:
        return
    for ref in of_kind(row.kind).holders_of(row.natural_key):
        if ref != row.ref:
            push_record(row.target, ref.key(row.target))
