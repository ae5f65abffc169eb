"""Publishes tasks by name, so that no save ever waits for a broker: one that refuses or freezes costs little, once.

A broker that does not answer delays one save per process by a fraction of a second. Where several are named, the next
one is tried, as worker and beat do. Where none answers, nothing is published until a probe, off the request path,
finds one well again.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from contextvars import copy_context
from functools import cache
from queue import Empty, SimpleQueue
from typing import Any

from amqp import AMQPError
from celery import Celery
from kombu import Connection, Exchange, Queue
from kombu.pools import ProducerPool

from thirdparty.notify.hint_totals import HintTotals
from thirdparty.notify.throttle import Throttle
from thirdparty.settings import settings

logger = logging.getLogger(__name__)

RECONCILE = "thirdparty.reconcile"
PATIENCE_SECONDS = 0.25
"""How long one word of the broker is waited for."""
_LONGEST_SECONDS = 3 * PATIENCE_SECONDS
"""How long a save waits for all that is tried, once per process and outage; for the look-up of a name, too."""
_PROBE_EVERY_SECONDS = 2.0
_CONNECTIONS = 8
_TRIED_AT_ONCE = 2
"""Of a list, a save tries so many; the rest is the probe's."""
_NO_RETRY = {"max_retries": 0, "interval_start": 0, "interval_step": 0, "interval_max": 0}


_app: Celery | None = None


def publish_through(app: Celery) -> None:
    """Publish through this application from now on, and through the broker that it writes to."""
    global _app  # noqa: PLW0603  # set once, by the module that makes the application
    _app = app


def has_application() -> bool:
    """Whether there is one. Without, nothing is published."""
    return _app is not None


def queue() -> Queue:
    """The engine's own queue, as workers declare it and hints name it.

    Said of the queue itself that it is classic: where a virtual host makes quorum queues of those that say nothing, Celery
    asks for a prefetch count that RabbitMQ refuses there, and never consumes. An existing classic queue is the same.
    """
    name = settings.SYNC_QUEUE
    return Queue(name, Exchange(name), routing_key=name, queue_arguments={"x-queue-type": "classic"})


def publisher() -> Publisher:
    """This process's publisher; a fork gets one of its own."""
    return _publisher(_app, os.getpid())


@cache
def _publisher(app: Celery | None, _pid: int) -> Publisher:
    return NoPublisher() if app is None else Publisher(app)


class Publisher:
    """Sends tasks by name over connections that give up fast, and not at all while the broker is down.

    ``throttle``: how often this process has published which hint. ``totals``: how many were sent or refused. ``unusable``: why of a broker that is named there can be no
    connection, one line for each; where that is so of all, it is down for good.
    """

    def __init__(self, app: Celery) -> None:
        self._app = app
        self.unusable: list[str] = []
        self._brokers = list(self._connections())
        self._nth = 0
        self.up = threading.Event()
        self.throttle = Throttle()
        self.totals = HintTotals()
        self._lock = threading.Lock()
        if self._brokers:
            self._producers = self._pool()
            self.up.set()

    def _connections(self) -> Iterator[Connection]:
        for nth, address in enumerate(_addresses(self._app.conf.broker_write_url), start=1):
            try:
                connection = _connection(address, self._app.conf)
                connection.clone().Pool(limit=1)
            except (ImportError, LookupError) as error:
                self.unusable.append(f"broker {nth}: {error}")
            except Exception as error:  # noqa: BLE001  # whatever a transport does, saves go on
                # Its words may have a part of the password.
                self.unusable.append(f"broker {nth}: its address or transport cannot be used ({type(error).__name__})")
            else:
                yield connection

    @property
    def down(self) -> bool:
        """No broker answered, and none has been found well since."""
        return not self.up.is_set()

    def _pool(self) -> ProducerPool:
        return ProducerPool(self._brokers[self._nth].clone().Pool(limit=_CONNECTIONS), limit=_CONNECTIONS)

    def publish(self, task: str, args: Sequence[Any], **options: Any) -> bool:
        """True when the broker took the message. ``options``: Celery's, as ``countdown``. Raises nothing."""
        sent = not self.down and self._is_taken(task, args, options)
        self.totals.count(task, sent=sent)
        return sent

    def _is_taken(self, task: str, args: Sequence[Any], options: dict[str, Any]) -> bool:
        ends: SimpleQueue[Exception | None] = SimpleQueue()
        # In a thread: the system's look-up of a name cannot be interrupted, and no time limit of a socket covers it.
        # In this context: whoever listens to Celery's signals, as its instrumentation does, sees whose message it is.
        here = copy_context()

        def publish() -> None:
            ends.put(here.run(self._tried, task, args, options))
            self.totals.store()  # nobody waits for this thread any more

        thread = threading.Thread(target=publish, name="publish", daemon=True)
        try:
            thread.start()
            failure = ends.get(timeout=_LONGEST_SECONDS)
        except Empty:
            failure = TimeoutError()
        except RuntimeError as error:  # the process ends, or has no thread to spare
            logger.warning("nothing can be published: %s", error)
            return False
        if failure is not None:
            self._mark_down(failure)
        return failure is None

    def _tried(self, task: str, args: Sequence[Any], options: dict[str, Any]) -> Exception | None:
        """What the last of the brokers that were tried said against it; None where one took it."""
        failure = None
        for _ in self._brokers[:_TRIED_AT_ONCE]:
            failure = self._published(task, args, options)
            if failure is None:
                break
        return failure

    def _published(self, task: str, args: Sequence[Any], options: dict[str, Any]) -> Exception | None:
        """What the broker in use said against it; then the next one is in use."""
        producers = self._producers
        try:
            with producers.acquire(block=True, timeout=PATIENCE_SECONDS) as producer:
                self._app.send_task(
                    task,
                    args=args,
                    queue=queue(),  # type: ignore[arg-type]  # the stub knows names only
                    serializer="json",
                    producer=producer,
                    retry=True,
                    retry_policy=_NO_RETRY,
                    confirm_timeout=PATIENCE_SECONDS,
                    **options,
                )
        except Exception as error:  # noqa: BLE001  # the save has committed: no broker trouble may reach it
            with self._lock:
                if len(self._brokers) > 1 and self._producers is producers:
                    self._nth = (self._nth + 1) % len(self._brokers)
                    self._producers = self._pool()
            return error
        return None

    def _mark_down(self, error: Exception) -> None:
        with self._lock:
            if self.down:
                return
            self.up.clear()
        logger.warning("broker does not answer (%s): publishing nothing until it does", _said(error))
        threading.Thread(target=self._probe, name="broker-probe", daemon=True).start()

    def _probe(self) -> None:
        while True:
            threading.Event().wait(_PROBE_EVERY_SECONDS)
            self.totals.store()
            well = [nth for nth in range(len(self._brokers)) if self._answers(nth)]
            if well:
                break
        with self._lock:
            self._nth = well[0]
            self._producers = self._pool()
        self.up.set()
        logger.warning("broker answers again")
        self.publish(RECONCILE, [True])

    def answers(self) -> bool:
        """Ask now, over connections of its own. Takes `PATIENCE_SECONDS` for each broker, and more while names are looked up."""
        return any(self._answers(nth) for nth in range(len(self._brokers)))

    def _answers(self, nth: int) -> bool:
        with suppress(Exception), self._brokers[nth].clone() as probe:
            probe.ensure_connection(max_retries=1, interval_start=0, interval_step=0)
            # Connecting is not enough: a frozen server's kernel accepts as well.
            probe.channel()
            return True
        return False


class NoPublisher(Publisher):
    """Where no Celery application was given: it is down for good. Its totals are never stored, since no broker refuses."""

    def __init__(self) -> None:
        self._brokers = []
        self.unusable = []
        self.up = threading.Event()
        self.throttle = Throttle()
        self.totals = HintTotals()


def _addresses(given: str | Sequence[str] | None) -> list[str]:
    url = given if isinstance(given, str) else ";".join(given or ("",))
    # Those of Sentinel are one: it is asked by all of them for its master.
    return [url] if url.startswith("sentinel") else url.split(";")


def _connection(address: str, conf: Any) -> Connection:
    options = _impatient(address, conf)
    return Connection(address, connect_timeout=PATIENCE_SECONDS, transport_options=options)


def _said(error: Exception) -> str:
    # AMQP's own errors name queues and causes, and nothing secret.
    return str(error) if isinstance(error, AMQPError) else type(error).__name__


def _impatient(url: str, conf: Any) -> dict[str, Any]:
    options = dict(conf.broker_transport_options or {})
    if url.startswith(("redis", "sentinel")):
        return options | {"socket_connect_timeout": PATIENCE_SECONDS, "socket_timeout": PATIENCE_SECONDS}
    return options | {"read_timeout": PATIENCE_SECONDS, "write_timeout": PATIENCE_SECONDS}
