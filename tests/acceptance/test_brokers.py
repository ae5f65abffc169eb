"""Brokers as people have them: a list whose first is down, a virtual host of quorum queues, a queue of another kind."""

from __future__ import annotations

import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest
from kombu import Connection, Queue

from syncproject.demo.stack import Stack
from tests import services
from tests.acceptance.conftest import QUICK, Api, System
from tests.acceptance.prepared import Prepared
from thirdparty.settings import settings as engine

RARELY = {"SYNC_RECONCILE_EVERY_SECONDS": "3600"}
"""So that whatever arrives was brought by a hint."""


@pytest.fixture
def vhost() -> Iterator[str]:
    """The URL of a virtual host of our own, whose queues are quorum queues unless they say otherwise."""
    control = shutil.which("rabbitmqctl")
    if control is None:
        pytest.skip("rabbitmqctl, which alone can make such a virtual host, is not here")
    name = f"usersync-test-{secrets.token_hex(4)}"
    with services.rabbitmq(name) as url:
        user = urlsplit(url).username or "guest"
        made = subprocess.run(
            [control, "add_vhost", name, "--default-queue-type", "quorum"], capture_output=True, text=True, check=False
        )
        if made.returncode:
            pytest.skip(f"rabbitmqctl cannot make a virtual host: {made.stderr.strip()[:100]}")
        try:
            subprocess.run([control, "set_permissions", "-p", name, user, ".*", ".*", ".*"], check=True)
            yield urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
        finally:
            subprocess.run([control, "delete_vhost", name], check=True)


def run(stack: Stack, prepared: Prepared, *parts: str) -> System:
    stack.start(*parts, "sandbox", "web", "worker")
    return System(stack, Api(stack.url("web"), prepared.operator.token))


def arrives(system: System) -> None:
    uuid = system.api.create(name="Ada", phone="1")["uuid"]
    system.wait(lambda: [user["externalId"] for user in system.sandbox.users()] == [uuid], within_seconds=30)


def test_where_the_first_of_two_brokers_is_down_the_second_carries_the_hints(
    tmp_path: Path, prepared: Prepared
) -> None:
    with Stack(tmp_path, database=prepared.database, settings=QUICK | RARELY) as stack:
        stack.env["CELERY_BROKER_URL"] = f"redis://127.0.0.1:1/0;{stack.broker_url}"
        arrives(run(stack, prepared, "broker"))


def test_the_worker_consumes_where_queues_are_quorum_queues_by_default(
    tmp_path: Path, prepared: Prepared, vhost: str
) -> None:
    with Stack(tmp_path, database=prepared.database, broker_url=vhost, settings=QUICK | RARELY) as stack:
        arrives(run(stack, prepared))


def test_a_queue_of_another_kind_stops_the_worker_with_what_to_do(
    tmp_path: Path, prepared: Prepared, vhost: str
) -> None:
    with Connection(vhost) as connection:
        Queue(engine.SYNC_QUEUE, routing_key=engine.SYNC_QUEUE, queue_arguments={"x-queue-type": "quorum"})(
            connection.channel()
        ).declare()
    with Stack(tmp_path, database=prepared.database, broker_url=vhost, settings=QUICK | RARELY) as stack:
        ended = subprocess.run(
            [sys.executable, "-m", "celery", "-A", "syncproject", "worker"],
            env=stack.env, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
    assert ended.returncode != 0
    assert "refusing to start: the queue exists and is of another kind" in ended.stderr
    assert "SYNC_QUEUE" in ended.stderr
