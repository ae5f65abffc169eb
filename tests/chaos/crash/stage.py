"""The running system in which processes crash: two workers with crash points, beat, broker, database, sandbox."""

from __future__ import annotations

import os
import re
import secrets
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import django

from syncproject.demo import parts
from syncproject.demo.process import Process
from syncproject.demo.stack import ROOT, Stack
from tests import services
from tests.chaos.crash import uses
from tests.chaos.crash.application import application
from tests.chaos.crash.order import Orders
from tests.chaos.shop.stack import ShopStack

PAIRS = ("SQLite + Valkey", "PostgreSQL + Redis", "PostgreSQL + RabbitMQ")
LEASE_SECONDS = 7.0
"""The shortest that the start-up check allows: the call, 1 s for the database, 5 s of margin."""
FROZEN_SECONDS = LEASE_SECONDS + 1.5
WINDOW_SECONDS = 5.0
"""Long enough that a first look after an unanswered request comes before it is over."""
LATE_SECONDS = 1.5
WORKERS = ("worker", "worker-2")
CONCURRENCY = 20
"""Of each worker; a frozen child does nothing else."""
_SETTINGS = {
    "SYNC_DATABASE_TIMEOUT_SECONDS": "1",
    "SYNC_LEASE_SECONDS": f"{LEASE_SECONDS:g}",
    "SYNC_RETRY_BACKOFF_SECONDS": "0.3",
    "SYNC_RETRY_BACKOFF_MAX_SECONDS": "2",
    "SYNC_BRAKE_MIN": "1000000",  # each case deletes its own, one after the other
    "SYNC_BREAKER_SECONDS": "0.1",
    "SYNC_BREAKER_MAX_SECONDS": "0.5",
    "SYNC_RECONCILE_AFTER_HOURS": f"{5 / 3600:.6f}",
}
_WAIT_SECONDS = 1.0
_TARGETS = {"users": "PARTNER", "shop": "ERP"}
"""As their settings name them."""
_CAPABILITIES = {"shop": "query,list", "renumbered": "query,list,rename"}
"""Where an add may be repeated under its key, it is not looked for: no step would verify."""
_MISTAKE = re.compile(r"^.*raised unexpected: (?:Attribute|Import|Index|Key|Name|Type|Value)Error\(.*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Stage:
    """``orders``: what every process with crash points looks at."""

    stack: Stack | ShopStack
    orders: Orders
    folder: Path

    @property
    def one_writer(self) -> bool:
        """Whether a frozen transaction blocks all others of the database."""
        return self.stack.database_url.startswith("sqlite")

    def worker(self, name: str) -> Process:
        return self.stack.process[name]

    def writers(self, work: Iterable[tuple[str, str, str]]) -> Process:
        """Processes that write one object each and end, not started."""
        words = [word for each in work for word in each]
        return Process(
            name="writers",
            command=[sys.executable, "-m", "tests.chaos.crash.writer", *words],
            log=self.folder / "writers.log",
            env=self.stack.env,
            cwd=ROOT,
        )

    def mistakes(self) -> list[str]:
        """What the workers' logs say of errors in code, the crash points' or the product's, which no crash explains."""
        return [
            line for name in WORKERS for line in _MISTAKE.findall(self.worker(name).log.read_text(errors="replace"))
        ]

    def both_workers(self) -> None:
        """Start those that do not run. Raises `ProcessError`."""
        for name in WORKERS:
            if not self.worker(name).alive:
                self.worker(name).start()
        for name in WORKERS:
            self.worker(name).wait_ready()


@contextmanager
def started(pair: str, folder: Path, *, concurrency: int = CONCURRENCY) -> Iterator[Stage]:
    """The system, ready; nothing of it is left in the end. Django is set up in this process, too.

    Skips or fails as `tests.services` does where a server does not answer.
    """
    queue = f"usersync-crash-{secrets.token_hex(4)}"
    orders = folder / "orders"
    orders.mkdir()
    with ExitStack() as opened:
        database_url = opened.enter_context(services.postgres()) if "PostgreSQL" in pair else ""
        broker_url = ""
        if "Redis" in pair:
            broker_url = opened.enter_context(services.redis_database())
        if "RabbitMQ" in pair:
            broker_url = opened.enter_context(services.rabbitmq(queue))
        settings = _settings() | {"SYNC_QUEUE": queue, "CRASH_FOLDER": str(orders)}
        kind = ShopStack if uses.project() == "shop" else Stack
        stack = kind(folder, database_url=database_url, broker_url=broker_url, settings=settings)
        opened.enter_context(stack)
        for name in WORKERS:
            stack.process[name] = _worker(stack, name, concurrency)
        os.environ.update(stack.env)
        django.setup()
        application().set_default()
        _wait_briefly()
        opened.callback(_disconnect)
        _wake_singly()
        stack.start(*([] if broker_url else ["broker"]), "sandbox", "beat", *WORKERS)
        yield Stage(stack, Orders(orders), folder)


def _settings() -> dict[str, str]:
    prefix = f"TARGET_{_TARGETS[uses.project()]}_"
    target = {f"{prefix}TIMEOUT_SECONDS": "1", f"{prefix}VISIBILITY_SECONDS": f"{WINDOW_SECONDS:g}"}
    if capabilities := _CAPABILITIES.get(uses.name()):
        target[f"{prefix}CAPABILITIES"] = capabilities
    return _SETTINGS | target | {uses.VARIABLE: uses.name()}


def _worker(stack: Stack | ShopStack, name: str, concurrency: int) -> Process:
    part = parts.worker(name, concurrency=concurrency)
    command = ["tests.chaos.crash.patched" if word == "syncproject" else word for word in part.command]
    log = stack.folder / f"{name}.log"
    return Process(name=name, command=command, log=log, env=stack.env, cwd=ROOT, ready=part.ready)


def _wait_briefly() -> None:
    """Whoever has the database in their hands may be frozen, and it is this process that lets them go on."""
    from django.db import connection

    options = connection.settings_dict["OPTIONS"]
    if connection.vendor == "postgresql":
        options["options"] = f"{options.get('options', '')} -c lock_timeout={int(_WAIT_SECONDS * 1000)}"
    else:
        options["timeout"] = _WAIT_SECONDS


def _wake_singly() -> None:
    """What this process writes in a hurry is woken one by one, as it would be in quiet times."""
    from thirdparty.notify.broker import publisher

    publisher().throttle.single = lambda *_: True


def _disconnect() -> None:
    from django.db import connections

    connections.close_all()
