"""The whole system as real processes, on each pair of database and broker."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import redis
import requests
from celery import Celery
from kombu import Connection
from pytest_celery import (
    CeleryBackendCluster,
    CeleryBrokerCluster,
    CeleryTestBroker,
    CeleryTestWorker,
    CeleryWorkerCluster,
)

from syncproject.demo.stack import Stack
from tests import services
from tests.acceptance import environment
from tests.acceptance.containers import LocalContainer, LocalWorker
from tests.acceptance.prepared import Prepared, prepared
from tests.once import once

PAIRS = [
    # One process of a parallel run takes all tests of a pair, and starts its system once.
    pytest.param(pair, marks=pytest.mark.xdist_group(pair))
    for pair in ("SQLite + Valkey", "PostgreSQL + Redis", "PostgreSQL + RabbitMQ")
]
QUICK = {"SYNC_DATABASE_TIMEOUT_SECONDS": "3", "SYNC_LEASE_SECONDS": "10", "TARGET_PARTNER_TIMEOUT_SECONDS": "2"}
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.1, 0.5


class Api:
    """The project's own API, called as an operator would."""

    def __init__(self, url: str, token: str) -> None:
        self._url = f"{url}/api/v1"
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Token {token}"

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        answer = self._session.request(method, self._url + path, timeout=20, **options)
        assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer

    def create(self, **fields: Any) -> dict[str, Any]:
        return dict(self.call("POST", "/users/", json=fields).json())

    def edit(self, uuid: str, **fields: Any) -> dict[str, Any]:
        return dict(self.call("PATCH", f"/users/{uuid}/", json=fields).json())

    def delete(self, uuid: str) -> None:
        self.call("DELETE", f"/users/{uuid}/")

    def explain(self, uuid: str) -> dict[str, Any]:
        return dict(self.call("GET", f"/users/{uuid}/sync/?ask_target=false").json()[0])

    def users(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        path: str | None = "/users/?page_size=500"
        while path is not None:
            page = self.call("GET", path).json()
            found += page["results"]
            path = page["next"] and page["next"].removeprefix(self._url)
        return found

    def status(self) -> dict[str, Any]:
        return dict(self.call("GET", "/sync/status/").json())


class System:
    """A running stack, its API, and the comparison of both sides."""

    def __init__(self, stack: Stack, api: Api) -> None:
        self.stack = stack
        self.api = api
        self.sandbox = stack.sandbox

    def level(self) -> bool:
        """Both sides hold the same, field by field, and nothing is owed or in doubt."""
        counts = self.api.status()["targets"]["partner"]
        if any(counts[state] for state in ("pending", "in_flight", "unknown")):
            return False
        fields = ("username", "name", "phone", "email")
        here = {u["uuid"]: tuple(u[f] for f in fields) for u in self.api.users() if u["is_active"]}
        there = self.sandbox.users()
        held = {u["externalId"]: tuple(u[f] for f in fields) for u in there}
        return len(there) == len(held) and here == held

    def wipe_broker(self) -> None:
        """Forget every message, as a broker does that restarts without persistence."""
        url = self.stack.broker_url
        if url.startswith("redis"):
            with redis.Redis.from_url(url) as client:
                client.flushdb()
        else:
            with Connection(url) as connection:
                connection.channel().queue_purge(self.stack.env["SYNC_QUEUE"])

    def wait_level(self, *, within_seconds: float = 60.0) -> None:
        self.wait(self.level, within_seconds=within_seconds)

    def supervise(self) -> None:
        """Start again whatever died by itself, as a service manager does.

        Celery's worker sometimes gives up when its broker dies (an AttributeError while it restores messages).
        """
        for process in self.stack.process.values():
            if not process.alive:
                process.restart()

    def wait(self, condition: Callable[[], Any], *, within_seconds: float = 60.0, supervised: bool = False) -> None:
        """Until it holds. A process that dies by itself fails the test, unless it is ``supervised``."""
        deadline, pause = time.monotonic() + within_seconds, _FIRST_PAUSE_SECONDS
        while not condition():
            if supervised:
                self.supervise()
            else:
                self.stack.require_alive()
            if time.monotonic() > deadline:
                raise AssertionError(f"not reached: {condition}; status {self.api.status()}")
            # What is asked for costs the web process as much as a save does.
            time.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE_SECONDS)


@pytest.fixture(name="prepared", scope="session")
def _prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    return prepared(tmp_path_factory)


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment into which the package was installed from its wheel."""
    return environment.python(once(tmp_path_factory, "installed", environment.make))


@pytest.fixture(scope="session", params=PAIRS)
def system(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, prepared: Prepared
) -> Iterator[System]:
    """Broker, sandbox, web, worker and beat; started once for all tests of a pair."""
    queue = f"usersync-test-{secrets.token_hex(4)}"
    folder: Path = tmp_path_factory.mktemp("stack")
    with ExitStack() as opened:
        database_url = opened.enter_context(services.postgres()) if "PostgreSQL" in request.param else ""
        broker_url = ""
        if "Redis" in request.param:
            broker_url = opened.enter_context(services.redis_database())
        if "RabbitMQ" in request.param:
            broker_url = opened.enter_context(services.rabbitmq(queue))
        # Nothing is asked of the target but what a test is about.
        settings = QUICK | {"SYNC_QUEUE": queue, "SYNC_AUDIT_EVERY_HOURS": "0"}
        if database_url:
            stack = Stack(folder, database_url=database_url, broker_url=broker_url, settings=settings)
        else:
            stack = Stack(folder, database=prepared.database, broker_url=broker_url, settings=settings)
        opened.enter_context(stack)
        stack.start(*([] if broker_url else ["broker"]), "sandbox", "web", "worker", "beat")
        operator = stack.create_operator() if database_url else prepared.operator
        yield System(stack, Api(stack.url("web"), operator.token))


@pytest.fixture(autouse=True)
def _well(request: pytest.FixtureRequest) -> None:
    """However the test before ended, this one begins with a third party that is well and every process running."""
    if "system" in request.fixturenames:
        system: System = request.getfixturevalue("system")
        system.sandbox.heal()
        system.supervise()


@pytest.fixture
def celery_broker_cluster(system: System) -> CeleryBrokerCluster:
    process = system.stack.process.get("broker")
    return CeleryBrokerCluster(CeleryTestBroker(LocalContainer(process, "broker", system.stack.broker_url)))


@pytest.fixture
def celery_backend_cluster() -> CeleryBackendCluster | None:
    return None


@pytest.fixture
def celery_worker_cluster(system: System, celery_setup_app: Celery) -> CeleryWorkerCluster:
    container = LocalWorker(system.stack.process["worker"], "worker", system.stack.broker_url)
    return CeleryWorkerCluster(CeleryTestWorker(container, celery_setup_app))


@pytest.fixture
def celery_setup_app(system: System) -> Celery:
    app = Celery("usersync")
    url = system.stack.broker_url
    # The environment's CELERY_BROKER_URL comes before the argument.
    app.conf.update(broker_url=url, broker_read_url=url, broker_write_url=url)
    return app
