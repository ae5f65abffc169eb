"""What a Celery application needs to carry the engine: its queue, its beat entry, and what its processes do at their start.

Everything is hooked to signals here, so that the application's own settings stay as they are.
"""

from __future__ import annotations

import gc
import logging
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from contextvars import Token
from typing import Any

from amqp import PreconditionFailed
from celery import Celery
from celery.signals import (
    beat_init,
    task_postrun,
    task_prerun,
    worker_before_create_process,
    worker_init,
    worker_process_init,
    worker_ready,
    worker_shutting_down,
)
from celery.utils.dispatch import Signal
from kombu.exceptions import OperationalError

from thirdparty import request_id, traces
from thirdparty.notify import broker
from thirdparty.settings import settings

logger = logging.getLogger(__name__)

_REUSE_SETTING = "CELERY_DB_REUSE_MAX"
_CELERYS_SCHEDULER = "celery.beat:PersistentScheduler"
_SWITCH_SECONDS = 0.05
_request_ids: dict[str, Token[str]] = {}
"""Of the tasks that this process runs: what gives the context back as it was. A task may be run within another one, or in a request."""
_traces: dict[str, traces.TakenUp] = {}
"""The same for their traces."""


def install(app: Celery) -> None:
    """Have this application carry the engine: to be called in the module that makes it, once Celery's settings are named.

    Its workers take the engine's queue beside their own; one that is started with ``-Q`` takes it if it is named there.
    Its beat runs the reconciler. Workers and beat refuse to start where triggers are missing or settings cannot be.
    Hints are published through it, from every process that imports it.
    """
    broker.publish_through(app)
    app.autodiscover_tasks(["thirdparty"])
    state: Any = app  # the stubs lack both flags
    _once(app.on_after_configure, _complete_settings, app, done=state.configured)
    _once(app.on_after_finalize, _add_queue_and_schedule, app, done=state.finalized)
    for signal, hooks in _HOOKS:
        for hook in hooks:
            signal.connect(hook, weak=False, dispatch_uid=f"thirdparty.{hook.__name__}")


def _once(signal: Any, change: Callable[[Celery], None], app: Celery, *, done: bool) -> None:
    if done:
        change(app)
    else:
        signal.connect(lambda sender, **_: change(sender), weak=False, dispatch_uid=f"thirdparty.{change.__name__}")


def _complete_settings(app: Celery) -> None:
    conf: Any = app.conf
    if conf.get(_REUSE_SETTING) is None:
        # Celery closes the database connection around every task whatever CONN_MAX_AGE says: 6 ms each on PostgreSQL.
        # Broken ones are dropped by Django's own check before each task instead.
        conf[_REUSE_SETTING] = 10**9
    if conf.beat_scheduler == _CELERYS_SCHEDULER:
        conf.beat_scheduler = "thirdparty.beat:ClockWaryScheduler"


def _add_queue_and_schedule(app: Celery) -> None:
    # Only now: a module may give the application its queues and its schedule after `install`.
    app.amqp.queues.select_add(broker.queue())
    app.conf.beat_schedule = {
        **app.conf.beat_schedule,
        # No expiry: a worker whose clock is ahead would drop every tick. Those that come together run once.
        broker.RECONCILE: {
            "task": broker.RECONCILE,
            "schedule": settings.SYNC_RECONCILE_EVERY_SECONDS,
            "options": {"queue": settings.SYNC_QUEUE},
        },
    }


def _refuse_to_start_unsound(**_: Any) -> None:
    from django.core.exceptions import ImproperlyConfigured  # noqa: PLC0415  # Django is set up by now, not at import
    from django.db import Error  # noqa: PLC0415  # the same

    from thirdparty import targets  # noqa: PLC0415  # the same
    from thirdparty.capture import versions  # noqa: PLC0415  # the same
    from thirdparty.checks import require_sound  # noqa: PLC0415  # the same

    try:
        require_sound()
    except ImproperlyConfigured as problem:
        # Celery logs exceptions of signal handlers and goes on; this one has to end the process.
        sys.exit(f"refusing to start: {problem}")
    try:
        targets.take_up()
        versions.log_differences()
    except Error:
        logger.warning("database unreachable: a target that is away stays away until a worker starts again")


def _refuse_another_kind_of_queue(sender: Any, **_: Any) -> None:
    with suppress(OperationalError), sender.app.connection_for_write() as connection:
        if connection.transport.driver_type != "amqp":
            return
        # Where no broker answers, the worker itself waits for one.
        connection.ensure_connection(max_retries=1, interval_start=0, interval_step=0)
        try:
            broker.queue()(connection.default_channel).declare()
        except PreconditionFailed as problem:
            sys.exit(
                f"refusing to start: the queue exists and is of another kind ({problem}). "
                "Delete it, whose messages are only hints, or name another in SYNC_QUEUE"
            )


def _keep_a_process_free(sender: Any, **_: Any) -> None:
    # Here, before the worker forks: what the module makes at its import has to be the same for all processes.
    from thirdparty import targets  # noqa: PLC0415  # Django is set up by now, not at import
    from thirdparty.run import slots  # noqa: PLC0415  # the same

    slots.divide_among(sender.concurrency)
    needed = slots.needed(len(targets.names()))
    if isinstance(sender.concurrency, int) and sender.concurrency < needed:
        logger.warning(
            "this worker has %d processes; with %d no target waits for another, nor people's edits for a backlog",
            sender.concurrency,
            needed,
        )


def _expect_ticks(**_: Any) -> None:
    from thirdparty.run import tick  # noqa: PLC0415  # Django is set up by now, not at import

    tick.expect()


def _show_worker(sender: Any, **_: Any) -> None:
    from thirdparty.models.heartbeat import Role  # noqa: PLC0415  # Django is set up by now, not at import
    from thirdparty.run import heartbeat  # noqa: PLC0415  # the same

    heartbeat.start(Role.WORKER, sender.hostname, list(sender.app.amqp.queues.consume_from))


def _show_beat(**_: Any) -> None:
    from thirdparty.models.heartbeat import Role  # noqa: PLC0415  # Django is set up by now, not at import
    from thirdparty.run import heartbeat  # noqa: PLC0415  # the same

    heartbeat.start(Role.BEAT, socket.gethostname())


def _share_what_is_loaded(**_: Any) -> None:
    # The collector writes a mark into every object that it looks at, and a page written to is no longer shared with
    # the parent. What is loaded before the fork stays for ever anyway, so it is not looked at again.
    gc.collect()
    gc.freeze()


def _let_threads_finish(**_: Any) -> None:
    # A drain's threads give the interpreter up by themselves, at every wait for the network. Taking it from them in
    # between, as happens every 5 ms by default, cost a fifth of the throughput (drain of the benchmark, 20 ms target).
    sys.setswitchinterval(_SWITCH_SECONDS)


def _end_drains(**_: Any) -> None:
    from thirdparty.run import shutdown  # noqa: PLC0415  # Django is set up by now, not at import

    shutdown.begin()


def _drop_broken_connections(**_: Any) -> None:
    from django.db import close_old_connections  # noqa: PLC0415  # Django is set up by now, not at import

    close_old_connections()


def _take_request_id(task_id: str, task: Any, **_: Any) -> None:
    carried = (task.request.headers or {}).get(request_id.IN_MESSAGES)
    _request_ids[task_id] = request_id.bind(request_id.well_formed(carried))


def _lay_request_id_down(task_id: str, **_: Any) -> None:
    token = _request_ids.pop(task_id, None)
    if token is not None:
        request_id.release(token)


def _take_trace_up(task_id: str, task: Any, **_: Any) -> None:
    _traces[task_id] = traces.take_up(task.request.headers or {})


def _lay_trace_down(task_id: str, **_: Any) -> None:
    traces.lay_down(_traces.pop(task_id, None))


_HOOKS: list[tuple[Signal, tuple[Callable[..., None], ...]]] = [
    (worker_init, (_refuse_to_start_unsound, _refuse_another_kind_of_queue, _keep_a_process_free, _expect_ticks)),
    (worker_ready, (_show_worker,)),
    (beat_init, (_refuse_to_start_unsound, _show_beat)),
    (worker_before_create_process, (_share_what_is_loaded,)),
    (worker_process_init, (_let_threads_finish,)),
    (worker_shutting_down, (_end_drains,)),
    (task_prerun, (_drop_broken_connections, _take_request_id, _take_trace_up)),
    (task_postrun, (_lay_request_id_down, _lay_trace_down)),
]
