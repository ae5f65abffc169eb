"""Everything that a run starts: database, broker, third party, web, two workers, beat."""

from __future__ import annotations

import os
import shutil
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import django

from syncproject.demo.process import Process
from syncproject.demo.stack import Stack
from tests.chaos.run import database_clock, third_parties
from tests.chaos.run.options import DATABASE_TIMEOUT_SECONDS, LEASE_SECONDS, TARGETS, Options
from tests.chaos.run.roster import Roster
from tests.chaos.run.servers import NotInstalled, PostgreSQL, RabbitMQ
from tests.chaos.run.third_parties import ThirdParty
from tests.chaos.run.truce import Truce
from tests.chaos.run.upgraded import mapping

WORKERS = ("worker", "worker-2")
_LOCK_SECONDS = 0.3
_AUDIT_EVERY_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class System:
    """The running system. ``process``: all that may be killed, by name. ``postgres``, ``rabbitmq``: where ours.

    ``hands``: held by whoever starts, kills or freezes a process. ``truce``: while it is kept, nobody is struck.
    """

    stack: Stack
    process: dict[str, Process]
    postgres: PostgreSQL | None
    rabbitmq: RabbitMQ | None
    third_parties: dict[str, ThirdParty]
    roster: Roster
    hands: threading.RLock = field(default_factory=threading.RLock)
    truce: Truce = field(default_factory=Truce)

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
            if "clocks" in options.troubles:
                database_clock.install(postgres)
            database_url = postgres.url
        if options.pair.endswith("rabbitmq"):
            rabbitmq = RabbitMQ(folder)
            opened.callback(rabbitmq.stop)
            rabbitmq.start()
            broker_url = rabbitmq.url
        places = third_parties.places(options.targets, folder)
        settings = _settings(options)
        for place in places:
            settings |= place.settings
        stack = opened.enter_context(
            Stack(
                folder,
                database_url=database_url,
                broker_url=broker_url,
                broker_server=_redis() if options.pair.endswith("redis") else None,
                settings=settings,
                capabilities=options.world.capabilities,
                shared_usernames=not options.world.unique_usernames,
                concurrency=3,
            )
        )
        # This process knows every target all the time: it compares them in the end.
        os.environ.update(stack.env | {"SYNC_TARGETS": ",".join(options.targets)})
        django.setup()
        beat = [] if options.baseline else ["beat"]
        stack.start(*([] if rabbitmq else ["broker"]), "sandbox", "web", *WORKERS, *beat)
        process = dict(stack.process)
        if rabbitmq:
            process["broker"] = rabbitmq.process
        if postgres:
            process["postgres"] = postgres.process
        parties = {TARGETS[0]: third_parties.first(stack, options.world)}
        for place in places:
            parties[place.name] = place.started(stack.env)
            opened.callback(parties[place.name].process.kill)
            process[parties[place.name].process.name] = parties[place.name].process
        yield System(stack, process, postgres, rabbitmq, parties, Roster(stack.env["SYNC_TARGETS"].split(",")))


def _settings(options: Options) -> dict[str, str]:
    settings = {
        "SYNC_DATABASE_TIMEOUT_SECONDS": str(DATABASE_TIMEOUT_SECONDS),
        "SYNC_LEASE_SECONDS": str(LEASE_SECONDS),
        "SYNC_RETRY_BACKOFF_SECONDS": "0.3",
        "SYNC_RETRY_BACKOFF_MAX_SECONDS": "3",
        # So short that the third party's moods are met by many calls, not by a few probes.
        # Hundreds of people are deleted on purpose, without anybody there to release them: tests/integration/test_brake*.py
        # are about the brake.
        "SYNC_BRAKE_MIN": "1000000",
        # Without drift everything is to come right without one.
        "SYNC_AUDIT_EVERY_HOURS": str(_AUDIT_EVERY_SECONDS / 3600 if "drift" in options.troubles else 0),
        "SYNC_BREAKER_SECONDS": "0.1",
        "SYNC_BREAKER_MAX_SECONDS": "0.5",
        "SYNC_TARGETS": ",".join(name for name in options.targets if name != options.newcomer),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    for name in options.targets:
        settings |= third_parties.durations(name, options.window_seconds)
        settings |= {f"TARGET_{name.upper()}_AUDIT": "mend"} if "drift" in options.troubles else {}
    if options.baseline:
        settings["DJANGO_SETTINGS_MODULE"] = "tests.chaos.baseline.settings"
    elif options.bug:
        settings |= {"DJANGO_SETTINGS_MODULE": "tests.chaos.run.seeded.settings", "CHAOS_BUG": options.bug}
    if "upgrade" in options.troubles:
        settings |= {"DJANGO_SETTINGS_MODULE": "tests.chaos.run.upgraded.settings", mapping.VARIABLE: "1"}
    return settings


def _redis() -> str:
    found = shutil.which("redis-server")
    if found is None:
        raise NotInstalled("no redis-server on PATH")
    return found
