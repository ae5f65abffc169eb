"""A target that takes its time for every call, with much to do, beside one that answers at once."""

from __future__ import annotations

import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from syncproject.demo.stack import Stack
from tests.acceptance.conftest import QUICK, Api, System
from tests.acceptance.prepared import Prepared
from thirdparty.sandbox.client import SandboxControl

BACKLOG = 1_000
SAVES = 12
"""More than a worker has processes: each of them is owed to both targets."""
LATENCY_SECONDS = 20.0
"""Longer than the healthy target needs for all that is saved here, on a machine however busy."""


@pytest.fixture
def slow() -> Iterator[tuple[str, str]]:
    """Its address and its secret."""
    secret = secrets.token_hex(16)
    command = [sys.executable, "-m", "thirdparty.sandbox", "--port", "0", "--secret", secret]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        yield server.stdout.readline().split()[-1], secret
        server.kill()


@pytest.fixture
def system(tmp_path: Path, prepared: Prepared, slow: tuple[str, str]) -> Iterator[System]:
    url, secret = slow
    settings = QUICK | {
        "SYNC_TARGETS": "partner,slow",
        "SYNC_LEASE_SECONDS": "45",
        "TARGET_SLOW_CONNECTOR": "landcloud",
        "TARGET_SLOW_BASE_URL": url,
        "TARGET_SLOW_ALLOW_HTTP": "true",
        "TARGET_SLOW_APP_SECRET": secret,
        "TARGET_SLOW_DEFAULT_PASSWORD": secrets.token_urlsafe(12),
        "TARGET_SLOW_TIMEOUT_SECONDS": "30",
    }
    with Stack(tmp_path, database=prepared.database, settings=settings) as stack:
        stack.start("broker", "sandbox", "web", "worker", "beat")
        yield System(stack, Api(stack.url("web"), prepared.operator.token))


def test_what_is_saved_is_at_the_healthy_target_before_the_slow_one_has_answered_for_any_of_it(
    system: System, slow: tuple[str, str]
) -> None:
    with SandboxControl(slow[0]) as control:
        control.faults(latency=LATENCY_SECONDS)
        people = f"User(name='Owed', phone=f'{{number:07d}}') for number in range({BACKLOG})"
        code = f"from users.models import User; User.objects.bulk_create({people})"
        system.stack.manage("shell", "--verbosity", "0", "--command", code)
        system.wait(lambda: len(system.sandbox.users()) == BACKLOG)
        system.wait(lambda: control.stats()["in_flight"] > 0)

        saved = {system.api.create(name="Saved", phone=f"9{number}")["uuid"] for number in range(SAVES)}
        system.wait(lambda: saved <= {user["externalId"] for user in system.sandbox.users()})

        there = {user["externalId"] for user in control.users()}
        assert not saved & there
        assert len(there) < BACKLOG
