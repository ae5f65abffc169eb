"""Everything that a run starts: database, broker, third party, web, two workers, beat."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import django

from syncproject.demo.process import Process
from syncproject.demo.stack import Stack
from tests.chaos.run.options import DATABASE_TIMEOUT_SECONDS, LEASE_SECONDS, TIMEOUT_SECONDS, Options
from tests.chaos.run.servers import NotInstalled, PostgreSQL, RabbitMQ

WORKERS = ("worker", "worker-2")
_LOCK_SECONDS = 0.3


@dataclass(frozen=True, slots=True)
class System:
    """The running system. ``process``: all that may be killed, by name. ``postgres``, ``rabbitmq``: where ours."""

    stack: Stack
    process: dict[str, Process]
    postgres: PostgreSQL | None
    rabbitmq: RabbitMQ | None

    def writes_are_blocked(self) -> bool:
        """Whether somebody holds SQLite's write lock, and goes on holding it."""
        if self.postgres is not None:
            return False
        path = self.stack.database_url.removeprefix("sqlite:///")
        with closing(sqlite3.connect(path, timeout=_LOCK_SECONDS, isolation_level=None)) as connection:
            try:
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                return True
        return False


@contextmanager
def started(options: Options, folder: Path) -> Iterator[System]:
    """The system, ready; nothing of it is left in the end. Django is set up in this process, too.

    Raises `NotInstalled` where the pair's servers are not on this machine.
    """
    with ExitStack() as opened:
        database_url = broker_url = ""
        postgres = rabbitmq = None
        if options.pair.startswith("postgres"):
            postgres = PostgreSQL(folder)
            opened.callback(postgres.process.kill)
            postgres.start()
            database_url = postgres.url
        if options.pair.endswith("rabbitmq"):
            rabbitmq = RabbitMQ(folder)
            opened.callback(rabbitmq.stop)
            rabbitmq.start()
            broker_url = rabbitmq.url
        stack = opened.enter_context(
            Stack(
                folder,
                database_url=database_url,
                broker_url=broker_url,
                broker_server=_redis() if options.pair.endswith("redis") else None,
                settings=_settings(options),
                capabilities=options.world.capabilities,
                shared_usernames=not options.world.unique_usernames,
                concurrency=3,
            )
        )
        os.environ.update(stack.env)
        django.setup()
        beat = [] if options.baseline else ["beat"]
        stack.start(*([] if rabbitmq else ["broker"]), "sandbox", "web", *WORKERS, *beat)
        process = dict(stack.process)
        if rabbitmq:
            process["broker"] = rabbitmq.process
        if postgres:
            process["postgres"] = postgres.process
        yield System(stack, process, postgres, rabbitmq)


def _settings(options: Options) -> dict[str, str]:
    settings = {
        "SYNC_DATABASE_TIMEOUT_SECONDS": str(DATABASE_TIMEOUT_SECONDS),
        "SYNC_LEASE_SECONDS": str(LEASE_SECONDS),
        "SYNC_RETRY_BACKOFF_SECONDS": "0.3",
        "SYNC_RETRY_BACKOFF_MAX_SECONDS": "3",
        # So short that the third party's moods are met by many calls, not by a few probes.
        "SYNC_BREAKER_SECONDS": "0.1",
        "SYNC_BREAKER_MAX_SECONDS": "0.5",
        "TARGET_PARTNER_TIMEOUT_SECONDS": str(TIMEOUT_SECONDS),
        "TARGET_PARTNER_VISIBILITY_SECONDS": str(options.window_seconds),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    if options.baseline:
        settings["DJANGO_SETTINGS_MODULE"] = "tests.chaos.baseline.settings"
    elif options.bug:
        settings |= {"DJANGO_SETTINGS_MODULE": "tests.chaos.run.seeded.settings", "CHAOS_BUG": options.bug}
    return settings


def _redis() -> str:
    found = shutil.which("redis-server")
    if found is None:
        raise NotInstalled("no redis-server on PATH")
    return found
