"""The Celery tasks: thin shells over `thirdparty.run.push`, `thirdparty.run.drain` and the reconciler."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from celery import Task, shared_task

from thirdparty import store, targets, traces
from thirdparty.alerts import look, sending
from thirdparty.audit import pace, runner, schedule
from thirdparty.capture import catch_up, triggers, versions
from thirdparty.consistency import strict
from thirdparty.decide.result import Next
from thirdparty.declaration.registry import any_references
from thirdparty.models import Audit
from thirdparty.notify import hints
from thirdparty.notify.broker import RECONCILE
from thirdparty.observe import kept_figures, kept_totals
from thirdparty.run import canary, reconcile, samples, slots, tick
from thirdparty.run.drain import drain
from thirdparty.run.probes import Probes
from thirdparty.run.push import Pushed
from thirdparty.run.until_done import Ending, push_until_done
from thirdparty.settings import settings

LONGEST_COUNTDOWN_SECONDS = 900.0
"""Longer waits are the reconciler's: a broker redelivers what stays unacknowledged for too long."""


AUDIT_SECONDS = 10.0
"""So long a worker's process is an audit's at a time, where one is left over."""
AUDIT_SECONDS_OF_OTHERS = 2.0
"""And where none is: what people have just changed may wait for this one."""
AS_HINTS: dict[str, Any] = {
    "acks_late": True,
    "reject_on_worker_lost": True,
    "ignore_result": True,
    "serializer": "json",
}
"""Whatever the application's own tasks are: a message that a killed worker held is delivered again."""


class NotYet(Exception):
    """The step failed in a way that passes; the row says when the next one is due.

    ``delay_seconds`` is the wait that was drawn for the row, ``due_at`` what the row got of it.
    """

    def __init__(self, why: str, delay_seconds: float, due_at: str) -> None:
        super().__init__(why, delay_seconds, due_at)
        self.why = why
        self.delay_seconds = delay_seconds
        self.due_at = due_at

    def __str__(self) -> str:
        return f"{self.why}; next try in {self.delay_seconds:.1f} s"


class Converging(Task):  # type: ignore[type-arg]  # the stub's parameters do not exist at run time
    """Celery's autoretry, with the delay that `thirdparty.decide.backoff` drew and the row already carries.

    The row's ``due_at`` was committed before: a retry message that the broker loses costs time only.
    """

    autoretry_for = (NotYet,)
    max_retries = None

    def retry(self, *args: Any, **options: Any) -> Any:
        not_yet = options.get("exc")
        if isinstance(not_yet, NotYet) and self.request.args:
            target, key, *_ = self.request.args
            options |= {"args": (target, key, not_yet.due_at), "countdown": not_yet.delay_seconds}
            options["queue"] = settings.SYNC_QUEUE
        return super().retry(*args, **options)


@shared_task(name=hints.PUSH, base=Converging, **AS_HINTS)
def push_record(target: str, key: str, expected_due_at: str | None = None) -> str:
    """Make one record of one target agree with its object as it is now. Returns the record's state.

    ``expected_due_at``: lets this message claim before the record is due, as long as that is when it is due.
    Where as many processes push to the target already as may, a drain takes the record, people's edits first.
    """
    with slots.slot_to_push(target, targets=len(targets.names())) as may:
        if may:
            return _push(target, key, expected_due_at)
    hints.start_drain(target)
    return "left to a drain"


def _push(target: str, key: str, expected_due_at: str | None) -> str:
    def drain_where_asked(pushed: Pushed) -> None:
        if pushed.asked:
            hints.drain(target)

    moment = datetime.fromisoformat(expected_due_at) if expected_due_at else None
    course = push_until_done(target, key, expected_due_at=moment, noted=drain_where_asked)
    if course.ending is Ending.LEASE_LOST:
        return "lease lost"
    row, last = course.row, course.last
    if row is None or last is None:
        versions.log_differences()
        return "nothing to do"
    if course.ending is Ending.CUT_SHORT:
        hints.push_record(target, key)
    elif course.ending is Ending.DONE:
        result = last.settlement
        retried_here = (
            row.failed_tries <= settings.SYNC_RETRY_MAX and result.delay_seconds <= LONGEST_COUNTDOWN_SECONDS
        )
        if result.next is Next.LATER and row.due_at is not None and retried_here:
            raise NotYet(result.reason, result.delay_seconds, row.due_at.isoformat())
    return str(row.state)


@shared_task(name=hints.DRAIN, **AS_HINTS)
def drain_target(target: str, helpers: int = hints.MOST_DRAINS - 1, is_helper: bool = False) -> str:  # noqa: FBT001, FBT002  # a message has no names
    """Take steps for whatever is due for a target, many at a time.

    ``helpers``: how many more workers may help. ``is_helper``: one that drains already has asked for this one.
    """

    def request_helper() -> None:
        if helpers > 0:
            hints.start_drain(target, helpers=helpers - 1, is_helper=True)

    drained = drain(target, request_helper=request_helper, is_helper=is_helper)
    if not drained.settled:
        versions.log_differences()
    if drained.unfinished:
        hints.start_drain(target, helpers=0, is_helper=is_helper)
    elif drained.look_in_seconds is not None and drained.look_in_seconds <= LONGEST_COUNTDOWN_SECONDS:
        hints.drain(target, within_seconds=drained.look_in_seconds)
    return f"{drained.settled} steps"


@shared_task(name=hints.AUDIT, **AS_HINTS)
def go_on_with_audit(audit_id: int, due_at: str) -> str:
    """Take an audit further for a while. Messages that have waited for long do not pile up: the last one counts."""
    audit = Audit.objects.filter(pk=audit_id, due_at=datetime.fromisoformat(due_at)).first()
    if audit is None:
        return "another one goes on with it"
    with slots.slot(audit.target, targets=len(targets.names()), is_helper=True) as spare:
        seconds = AUDIT_SECONDS if spare else AUDIT_SECONDS_OF_OTHERS
        with traces.span("thirdparty.audit", {traces.TARGET: audit.target}):
            return str(runner.go_on(audit_id, seconds=seconds, most_calls=pace.calls_of_a_tick(audit)))


@shared_task(name=hints.CANARY, bind=True, **AS_HINTS)
def answer_canary(self: Any, token: str) -> str:
    """Tell whoever asked that a worker took this message, and reaches the database."""
    return "answered" if canary.answer(token, str(self.request.hostname)) else "nobody waits for it any more"


@shared_task(name=RECONCILE, **AS_HINTS)
def reconcile_tick(asked: bool = False) -> str:  # noqa: FBT001, FBT002  # as above
    """One tick of the reconciler: wake what is due, and whatever has waited for N hours.

    Ticks that waited for a worker do not pile up: one in half a period is enough. ``asked``: somebody wants it now.
    """
    triggers.require_in_place()
    versions.log_differences(anyway=True)
    if not tick.begin(anyway=asked):
        return "another tick has just begun"
    with traces.span("thirdparty.reconcile", {}):
        return str(run_reconcile())


def run_reconcile() -> int:
    """Wake drains for what is due; returns how many. All targets are woken before anything else is done for one of them,
    and one for which catching up has found something is woken once more.

    Each part is on its own: one that meets a lock, or fails, is logged, and the others are done all the same.
    """
    names, woken = targets.names(), 0
    reconcile.bring_back()
    with reconcile.on_its_own("what has waited for hours"):
        reconcile.pull_forward()
    with reconcile.on_its_own("records that a brake held just before it went off"):
        store.held.wake(reconcile.ROWS_PER_TICK)
    if any_references():
        with reconcile.on_its_own("records that wait for others"):
            store.references.release()
    for target in names:
        with reconcile.on_its_own(f"what has left {target} and stays there"):
            store.leaving.owe_deletions(target, targets.config(target).leaving, reconcile.ROWS_PER_TICK)
    woken += _wake_drains()
    probes = Probes(names)
    swept = 0
    with reconcile.on_its_own("strict writes whose process died"):
        swept = strict.sweep()
    if swept:
        woken += _wake_drains()
    for target in names:
        with reconcile.on_its_own(f"target {target}"):
            if catch_up.go_on(target):
                woken += _wake_drains([target])
        with reconcile.on_its_own(f"audits of {target}"):
            schedule.begin_due(target)
            for audit in schedule.take_due(target):
                hints.go_on_with_audit(audit.pk, audit.due_at)
    with reconcile.on_its_own("audits of targets that are away"):
        schedule.end_away()
    for target in probes.answered():
        woken += hints.start_drain(target)
    with reconcile.on_its_own("samples"):
        samples.take()
    with reconcile.on_its_own("figures of many records"):
        kept_figures.count()
    with reconcile.on_its_own("totals of attempts"):
        kept_totals.count()
    reconcile.prune()
    with reconcile.on_its_own("alerts"):
        look.look()
        sending.in_background()
    return woken


def _wake_drains(names: Iterable[str] | None = None) -> int:
    # The first asks for as many helpers as are needed; a hint for each would be there even if one did all.
    needed = reconcile.drains_needed(names).items()
    return sum(hints.start_drain(target, helpers=drains - 1) for target, drains in needed)
