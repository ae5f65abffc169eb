"""A rate holds for all workers together: several processes drain a backlog while people go on editing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable

import pytest

from tests.integration.conftest import database_url
from tests.integration.turns import fullest_second
from thirdparty import protect
from thirdparty.sandbox.client import SandboxControl

RATE = 400
PROCESSES = 3
CALLS = 2_000
OVER = 1.05


@pytest.fixture
def environment(sandbox: SandboxControl, sandbox_url: str, partner: Callable[..., None]) -> dict[str, str]:
    partner(rate_per_second=float(RATE))
    return os.environ | {
        "DJANGO_SETTINGS_MODULE": "syncproject.settings",
        "DATABASE_URL": database_url(),
        "TARGET_PARTNER_BASE_URL": sandbox_url,
        "TARGET_PARTNER_CAPABILITIES": "query",
        "TARGET_PARTNER_RATE": f"{RATE}/s",
    }


def arrivals(sandbox: SandboxControl) -> list[float]:
    return sorted(entry["at"] for entry in sandbox.ledger() if entry["kind"] == "request")


@pytest.mark.django_db(transaction=True)
def test_several_processes_drain_a_backlog_at_the_rate_and_a_fresh_edit_waits_for_a_moment_only(
    sandbox: SandboxControl, environment: dict[str, str]
) -> None:
    command = [sys.executable, "-m", "tests.integration.turns", str(CALLS // PROCESSES)]
    backlog = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) for _ in range(PROCESSES)]
    waits: list[float] = []
    while any(process.poll() is None for process in backlog):
        asked = time.monotonic()
        admission = protect.admit("partner", patience_seconds=2.0)
        assert admission.granted
        waits.append(time.monotonic() - asked + admission.start_in_seconds())
        threading.Event().wait(0.2)
    began = sorted(moment for process in backlog for moment in json.loads(process.communicate()[0]))
    assert len(began) == PROCESSES * (CALLS // PROCESSES)
    # Their own moments, since a third party that is short of time counts what waited before it as one burst.
    assert fullest_second(began) <= OVER * RATE
    received = arrivals(sandbox)
    assert len(received) == len(began)
    assert len(received) / (received[-1] - received[0]) <= OVER * RATE
    assert sorted(waits)[int(0.95 * len(waits))] < 3.0
