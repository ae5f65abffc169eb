"""A real sandbox over HTTP, started once; every test begins with an empty one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeVar

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from tests.integration.own_broker import black_hole, broker, use  # noqa: F401  # fixtures
from thirdparty import protect, targets
from thirdparty.connectors.base import Capabilities
from thirdparty.models import Heartbeat, Record
from thirdparty.models.heartbeat import Role
from thirdparty.run.push import Pushed, push
from thirdparty.sandbox.client import SandboxControl
from thirdparty.settings import settings as engine
from users.models import User

T = TypeVar("T")
Killed = Callable[[str, str, User | None], int]

ALL = ("query", "list", "idempotency", "versions")


def database_url() -> str:
    """The test database's, for other processes."""
    known = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{known['NAME']}"
    return f"postgres://{known['USER']}:{known['PASSWORD']}@{known['HOST']}:{known['PORT']}/{known['NAME']}"


@pytest.fixture(scope="session")
def sandbox_url() -> Iterator[str]:
    command = [sys.executable, "-m", "thirdparty.sandbox", "--port", "0", "--secret", "sandbox-secret"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        yield server.stdout.readline().split()[-1]
        server.terminate()


@pytest.fixture(scope="session")
def second_url() -> Iterator[str]:
    command = [sys.executable, "-m", "thirdparty.sandbox", "--port", "0", "--secret", "sandbox-secret"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        yield server.stdout.readline().split()[-1]
        server.terminate()


@pytest.fixture(scope="session")
def writers(django_db_setup: None, sandbox_url: str) -> Iterator[subprocess.Popen[str]]:
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "syncproject.settings",
        "DATABASE_URL": database_url(),
        "TARGET_PARTNER_BASE_URL": sandbox_url,
        "TARGET_PARTNER_CAPABILITIES": "query",
        "TARGET_PARTNER_VISIBILITY_SECONDS": "0.4",
        "SYNC_WAIT_PAUSE_SECONDS": "0.05",
    }
    command = [sys.executable, "-m", "tests.integration.dying"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=environment, stdin=pipe, stdout=pipe, text=True) as process:
        yield process
        process.kill()


@pytest.fixture
def killed(writers: subprocess.Popen[str]) -> Killed:
    """Have work done whose process dies at this place of `tests.integration.dying`: the wait status."""

    def make(place: str, kind: str, user: User | None) -> int:
        assert writers.stdin
        assert writers.stdout
        print(json.dumps([place, kind, user and str(user.uuid)]), file=writers.stdin, flush=True)
        return int(writers.stdout.readline())

    return make


def seen_at(role: Role, ago: timedelta = timedelta(0)) -> None:
    """A process of this role was seen so long ago."""
    at = timezone.now() - ago
    Heartbeat.objects.update_or_create(
        name=f"{role}:here", defaults={"role": role, "queues": [engine.SYNC_QUEUE], "started_at": at, "seen_at": at}
    )


@pytest.fixture
def at_work(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker and beat have just been seen, and this process reaches the broker as far as it knows."""
    for role in Role:
        seen_at(role)
    # What it does know comes from the tests before: where they published, there was no broker.
    monkeypatch.setattr("thirdparty.notify.broker.has_application", lambda: False)


@pytest.fixture(autouse=True)
def _replaceable_targets(settings: Any) -> None:
    """In Django's settings, where a test can put others in their place."""
    settings.SYNC_TARGETS = dict(engine.SYNC_TARGETS)


@pytest.fixture
def operator(db: None) -> User:
    targets.publish_rows()
    return User.objects.create_superuser("root")


@pytest.fixture
def web(operator: User) -> Client:
    """A browser in which the operator has logged in."""
    client = Client()
    client.force_login(operator)
    return client


@pytest.fixture
def partner(settings: Any) -> Callable[..., None]:
    """Change the target's settings: ``partner(adopt="trust", capabilities=("query",))``."""

    def configure(**changes: Any) -> None:
        if "capabilities" in changes:
            changes["capabilities"] = Capabilities(**dict.fromkeys(changes["capabilities"], True))
        present = settings.SYNC_TARGETS["partner"]
        settings.SYNC_TARGETS = {**settings.SYNC_TARGETS, "partner": replace(present, **changes)}

    return configure


@pytest.fixture
def sandbox(db: None, sandbox_url: str, partner: Callable[..., None], settings: Any) -> SandboxControl:
    """An empty third party that the target ``partner`` points to, with only ``query`` on offer."""
    settings.SYNC_RETRY_BACKOFF_SECONDS = 0.05
    settings.SYNC_RETRY_BACKOFF_MAX_SECONDS = 0.1
    settings.SYNC_RECONCILE_EVERY_SECONDS = 0.01
    settings.SYNC_BREAKER_SECONDS = settings.SYNC_BREAKER_MAX_SECONDS = 0.1
    control = SandboxControl(sandbox_url)
    control.reset()
    control.faults(capabilities=["query"], unique_usernames=True)
    partner(base_url=sandbox_url, capabilities=("query",), timeout_seconds=5.0, visibility_seconds=0.4)
    targets.publish_rows()
    return control


@pytest.fixture
def saas(sandbox: SandboxControl, second_url: str, settings: Any) -> SandboxControl:
    """A second target, named after ``partner`` and otherwise the same."""
    first = settings.SYNC_TARGETS["partner"]
    settings.SYNC_TARGETS = {"partner": first, "saas": replace(first, name="saas", base_url=second_url)}
    targets.publish_rows()
    control = SandboxControl(second_url)
    control.reset()
    control.faults(capabilities=["query"], unique_usernames=True)
    return control


def row_of(user: User, target: str = "partner") -> Record:
    return Record.objects.get(target=target, object_id=user.uuid.hex)


def step(user_or_key: User | str) -> Pushed | None:
    """One step, if the record is due."""
    key = user_or_key if isinstance(user_or_key, str) else row_of(user_or_key).key
    return push("partner", key)


def converge(*, within_seconds: float = 15.0) -> None:
    """Take steps, as a worker and the reconciler would, until nothing is due or ever will be."""
    deadline = time.monotonic() + within_seconds
    while time.monotonic() < deadline:
        waiting = list(Record.objects.filter(due_at__isnull=False).values_list("key", flat=True))
        if not waiting:
            return
        steps = [push("partner", key) for key in waiting]
        if not any(steps):
            protect.revive("partner")
            time.sleep(0.02)
    raise AssertionError(f"not settled: {list(Record.objects.filter(due_at__isnull=False).values())}")


def at_once(*calls: Callable[[], T]) -> list[T]:
    """Make these calls at the same moment, each in a thread with a connection of its own; their results."""
    start = threading.Barrier(len(calls))

    def run(call: Callable[[], T]) -> T:
        start.wait(10)
        try:
            return call()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as threads:
        return list(threads.map(run, calls))


def wanted_records() -> list[dict[str, Any]]:
    """What the third party is to hold, in the form that its control call answers."""
    people = User.objects.filter(is_active=True, is_superuser=False).order_by("username")
    return [
        {"username": user.username, "name": user.name, "phone": user.phone, "email": user.email,
         "externalId": str(user.uuid)}
        for user in people
    ]  # fmt: skip


def held_records(sandbox: SandboxControl) -> list[dict[str, Any]]:
    fields = ("username", "name", "phone", "email", "externalId")
    return sorted(
        ({name: user[name] for name in fields} for user in sandbox.users()), key=lambda user: user["username"]
    )


def effects(sandbox: SandboxControl) -> list[str]:
    """What was really applied at the third party, in order."""
    return [entry["effect"] for entry in sandbox.ledger() if entry["kind"] == "effect"]
