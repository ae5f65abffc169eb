"""The canary with real processes: a worker that works answers, one that was frozen does not."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from syncproject.demo.stack import ROOT, Stack
from tests.acceptance.conftest import PAIRS, System


def canary(stack: Stack, *options: str) -> tuple[int, dict[str, Any]]:
    """The exit code, and what it says."""
    ended = subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), "sync", "canary", "--json", *options],
        env=stack.env, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    return ended.returncode, json.loads(ended.stdout)


@pytest.mark.parametrize("system", PAIRS[:1], indirect=True)
def test_it_tells_a_worker_that_works_from_one_that_does_not_and_from_a_broker_that_is_away(system: System) -> None:
    stack, before = system.stack, system.sandbox.ledger()
    working = canary(stack, "--within", "60")
    stack.process["worker"].freeze()
    frozen = canary(stack, "--within", "1")
    stack.process["broker"].kill()
    away = canary(stack, "--within", "1")
    stack.process["worker"].kill()

    assert (working[0], working[1]["answered"], working[1]["silent"]) == (0, True, None)
    assert working[1]["answered_by"].startswith("worker-")
    assert (frozen[0], frozen[1]["silent"]) == (1, "workers")
    assert (away[0], away[1]["silent"]) == (1, "broker")
    assert system.sandbox.ledger() == before
