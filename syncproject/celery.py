"""The Celery application: ``celery -A syncproject worker | beat | flower``."""

from __future__ import annotations

import gc
import logging
import os
import sys
from contextlib import suppress
from typing import Any

from amqp import PreconditionFailed
from celery import Celery
from celery.signals import (
    beat_init,
    task_prerun,
    worker_before_create_process,
    worker_init,
    worker_process_init,
    worker_shutting_down,
)
from django.db import Error
from kombu.exceptions import OperationalError

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "syncproject.settings")

logger = logging.getLogger(__name__)

app = Celery("syncproject")
app.config_from_object("syncproject.celeryconfig")
app.autodiscover_tasks()


@worker_init.connect
@beat_init.connect
def _refuse_to_start_unsound(**_: Any) -> None:
    from django.core.exceptions import ImproperlyConfigured  # noqa: PLC0415  # Django is set up by now, not at import

    from thirdparty import targets  # noqa: PLC0415  # the same
    from thirdparty.checks import require_sound  # noqa: PLC0415  # the same

    try:
        require_sound()
    except ImproperlyConfigured as problem:
        # Celery logs exceptions of signal handlers and goes on; this one has to end the process.
        sys.exit(f"refusing to start: {problem}")
    try:
        targets.take_up()
    except Error:
        logger.warning("database unreachable: a target that is away stays away until a worker starts again")


@worker_init.connect
def _refuse_another_kind_of_queue(sender: Any, **_: Any) -> None:
    with suppress(OperationalError), sender.app.connection_for_write() as connection:
        if connection.transport.driver_type != "amqp":
            return
        # Where no broker answers, the worker itself waits for one.
        connection.ensure_connection(max_retries=1, interval_start=0, interval_step=0)
        try:
            for queue in sender.app.amqp.queues.values():
                queue(connection.default_channel).declare()
        except PreconditionFailed as problem:
            sys.exit(
                f"refusing to start: the queue exists and is of another kind ({problem}). "
                "Delete it, whose messages are only hints, or name another in SYNC_QUEUE"
            )


@worker_init.connect
def _keep_a_process_free(sender: Any, **_: Any) -> None:
    # Here, before the worker forks: what the module makes at its import has to be the same for all processes.
    from thirdparty.run import slots  # noqa: PLC0415  # the same, and Django is set up by now

    slots.divide_among(sender.concurrency)


@worker_before_create_process.connect
def _share_what_is_loaded(**_: Any) -> None:
    # The collector writes a mark into every object that it looks at, and a page written to is no longer shared with
    # the parent. What is loaded before the fork stays for ever anyway, so it is not looked at again.
    gc.collect()
    gc.freeze()


@worker_init.connect
def _expect_ticks(**_: Any) -> None:
    from thirdparty.run import tick  # noqa: PLC0415  # the same

    tick.expect()


@worker_init.connect
def _say_where_processes_are_few(sender: Any, **_: Any) -> None:
    from thirdparty import targets  # noqa: PLC0415  # the same
    from thirdparty.run import slots  # noqa: PLC0415  # the same

    needed = slots.needed(len(targets.names()))
    if isinstance(sender.concurrency, int) and sender.concurrency < needed:
        logger.warning(
            "this worker has %d processes; with %d no target waits for another, nor people's edits for a backlog",
            sender.concurrency,
            needed,
        )


@worker_process_init.connect
def _let_threads_finish(**_: Any) -> None:
    # A drain's threads give the interpreter up by themselves, at every wait for the network. Taking it from them in
    # between, as happens every 5 ms by default, cost a fifth of the throughput (drain of the benchmark, 20 ms target).
    sys.setswitchinterval(0.05)


@worker_shutting_down.connect
def _end_drains(**_: Any) -> None:
    from thirdparty.run import shutdown  # noqa: PLC0415  # Django is set up by now, not at import

    shutdown.begin()


@task_prerun.connect
def _drop_broken_connections(**_: Any) -> None:
    from django.db import close_old_connections  # noqa: PLC0415  # Django is set up by now, not at import

    close_old_connections()
