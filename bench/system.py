"""What the measurements run on: one database, one broker, a target of the wanted latency, and worker processes."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import django
import pytest
import requests

from syncproject.demo.ports import HOST, Port
from syncproject.demo.process import Process
from syncproject.demo.stack import ROOT, Stack
from tests import services

TEXTBOOK = {"DJANGO_SETTINGS_MODULE": "tests.chaos.baseline.settings"}
QUEUE = "usersync-bench"
_SETTINGS = {
    "SYNC_QUEUE": QUEUE,
    "SYNC_RECONCILE_EVERY_SECONDS": "30",
    "SYNC_RECONCILE_AFTER_HOURS": "1",
    "SYNC_AUDIT_EVERY_HOURS": "0",
    "SYNC_RETRY_BACKOFF_SECONDS": "1",
    "SYNC_RETRY_BACKOFF_MAX_SECONDS": "60",
    "SYNC_LEASE_SECONDS": "60",
    "TARGET_PARTNER_TIMEOUT_SECONDS": "10",
    "TARGET_PARTNER_VISIBILITY_SECONDS": "60",
    "DJANGO_LOG_LEVEL": "WARNING",
}
_DONE_WITHIN_SECONDS = 300.0


@dataclass(slots=True)
class System:
    """``parts``: what runs now, by name. ``on``: database and broker, in words."""

    stack: Stack
    folder: Path
    on: str
    opened: ExitStack = field(default_factory=ExitStack)

    @property
    def has_postgres(self) -> bool:
        return self.stack.database_url.startswith("postgres")

    @property
    def database_name(self) -> str:
        return self.stack.database_url.rpartition("/")[2]

    @contextmanager
    def target(self, latency_seconds: float) -> Iterator[Target]:
        """A third party that answers after so many seconds."""
        port = Port()
        port.release()
        words = ("-m", "bench.target", "--port", str(port.number), "--latency", str(latency_seconds))
        process = self.process("target", words, ready=partial(_listens, port.number))
        with running(process):
            yield Target(f"http://{HOST}:{port.number}")

    def process(self, name: str, words: Sequence[str], *, ready: Any = lambda _: True, **env: str) -> Process:
        """A Python process of these words, not started."""
        log = self.folder / f"{name}.log"
        log.unlink(missing_ok=True)
        command = [sys.executable, *words]
        return Process(name=name, command=command, log=log, env=self.stack.env | env, cwd=ROOT, ready=ready)

    def celery(self, app: str, *options: str, name: str = "worker", **env: str) -> Process:
        """A Celery worker, not started."""
        words = ("-m", "celery", "-A", app, "worker", "--loglevel", "INFO", "--without-mingle", "--without-gossip")
        return self.process(name, (*words, *options), ready=lambda process: " ready." in process.output(), **env)

    def people(self, count: int) -> None:
        """Nobody but so many new people, each owed to the target; nothing is queued."""
        from django.db import connection  # noqa: PLC0415  # Django is set up by now

        from users.models import User  # noqa: PLC0415

        with connection.cursor() as cursor:
            if self.has_postgres:
                cursor.execute("TRUNCATE users_user, thirdparty_record, thirdparty_attempt, baseline_remoteid CASCADE")
            for table in ("users_user", "thirdparty_record", "thirdparty_attempt", "baseline_remoteid"):
                cursor.execute(f"DELETE FROM {table}")
        for start in range(0, count, 5_000):
            numbers = range(start, min(start + 5_000, count))
            User.objects.bulk_create(
                [User(username=f"u{n}", name=f"张伟 {n}", phone=str(n), email=f"u{n}@example.com", password="!")
                 for n in numbers]
            )  # fmt: skip
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE" if self.has_postgres else "ANALYZE")
        self.empty_queue()

    def empty_queue(self) -> None:
        from kombu import Connection  # noqa: PLC0415

        with Connection(self.stack.broker_url) as connection:
            connection.default_channel.queue_purge(QUEUE) if "redis" in self.stack.broker_url else None


@dataclass(frozen=True, slots=True)
class Target:
    """The running third party, at ``url``."""

    url: str

    @property
    def env(self) -> dict[str, str]:
        return {"TARGET_PARTNER_BASE_URL": self.url}

    def seen(self) -> Mapping[str, Any]:
        return dict(requests.get(f"{self.url}/seen", timeout=30).json())

    def count(self) -> int:
        """How many calls came."""
        return int(self.seen()["count"])

    def forget(self) -> None:
        requests.post(f"{self.url}/forget", timeout=30)


@contextmanager
def running(*processes: Process) -> Iterator[None]:
    """These processes, ready; killed in the end."""
    try:
        for process in processes:
            process.start()
        for process in processes:
            process.wait_ready()
        yield
    finally:
        for process in processes:
            process.kill()


def wait_until(done: Any, *, alive: Sequence[Process] = (), within_seconds: float = _DONE_WITHIN_SECONDS) -> None:
    """Ask until the answer is yes. Raises `TimeoutError`, or `ProcessError` where one of ``alive`` is not."""
    deadline = time.monotonic() + within_seconds
    while not done():
        for process in alive:
            process.require_alive()
        if time.monotonic() > deadline:
            raise TimeoutError("a measurement did not end in time")
        time.sleep(0.02)


@contextmanager
def started(folder: Path) -> Iterator[System]:
    """PostgreSQL and Redis where they answer, else SQLite and the embedded broker. Django is set up here, too."""
    with ExitStack() as opened:
        database_url = _entered(opened, services.postgres())
        broker_url = _entered(opened, services.redis_database())
        stack = opened.enter_context(
            Stack(folder, database_url=database_url, broker_url=broker_url, settings=_SETTINGS, capabilities=())
        )
        if not broker_url:
            stack.start("broker")
        stack.manage("migrate", "--verbosity", "0", **TEXTBOOK)
        os.environ.update(stack.env)
        django.setup()
        opened.callback(_disconnect)
        on = f"{'PostgreSQL' if database_url else 'SQLite'} + {'Redis' if broker_url else 'Valkey (embedded)'}"
        yield System(stack, folder, on)


def _entered(opened: ExitStack, service: Any) -> str:
    try:
        return str(opened.enter_context(service))
    except pytest.skip.Exception:
        return ""


def _disconnect() -> None:
    from django.db import connections  # noqa: PLC0415  # Django is set up by now

    connections.close_all()


def _listens(port: int, _: Process) -> bool:
    connection = HTTPConnection(HOST, port, timeout=2)
    try:
        connection.connect()
    except OSError:
        return False
    connection.close()
    return True
