"""After an outage: what is owed drains at the allowed rate through a real worker, and people's edits go first."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from syncproject.demo.stack import Stack
from tests.acceptance.conftest import QUICK, Api, System
from tests.acceptance.prepared import Prepared

RATE = 250
OWED = 2_000
NO_LATER_THAN_SECONDS = 3.0


@pytest.fixture
def system(tmp_path: Path, prepared: Prepared) -> Iterator[System]:
    settings = QUICK | {"TARGET_PARTNER_RATE": f"{RATE}/s", "SYNC_BREAKER_MAX_SECONDS": "2"}
    with Stack(tmp_path, database=prepared.database, settings=settings) as stack:
        stack.start("broker", "sandbox", "web", "worker", "beat")
        yield System(stack, Api(stack.url("web"), prepared.operator.token))


def memory_bytes(system: System) -> int:
    """What the worker and its children hold."""
    group = str(system.stack.process["worker"].pid)
    total = 0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            if fields[2] == group:
                total += int((folder / "statm").read_text().split()[1]) * 4096
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has ended meanwhile
    return total


def test_two_thousand_records_drain_at_the_rate_and_edits_wait_for_a_moment_only(system: System) -> None:
    system.sandbox.faults(refuse=1)
    people = f"User(name='Owed', phone=f'{{number:07d}}') for number in range({OWED})"
    code = f"from users.models import User; User.objects.bulk_create({people})"
    system.stack.manage("shell", "--verbosity", "0", "--command", code)
    system.wait(lambda: system.api.status()["targets"]["partner"]["breaker"] == "open")
    system.sandbox.heal()
    saved: dict[str, float] = {}
    memory: list[int] = []
    for number in itertools.count():
        held = len(system.sandbox.users())
        if held >= OWED / 4:
            memory.append(memory_bytes(system))
        if held >= OWED:
            break
        system.stack.require_alive()
        uuid = system.api.create(name="Edited meanwhile", phone=f"9{number:06d}")["uuid"]
        saved[uuid] = time.time()
        time.sleep(0.3)
    system.wait_level()

    requests = [entry for entry in system.sandbox.ledger() if entry["kind"] == "request" and entry["call"] == "add"]
    arrived = {entry["external_id"]: entry["at"] for entry in requests if entry["http"] == 200}
    assert len(arrived) == OWED + len(saved)
    moments = sorted(arrived.values())
    assert len(moments) / (moments[-1] - moments[0]) <= 1.05 * RATE
    # In calls, not in seconds: a machine that is short of time makes everybody wait.
    passed = sorted(sum(saved[uuid] < at < arrived[uuid] for at in moments) for uuid in saved)
    assert passed[int(0.95 * (len(passed) - 1))] <= NO_LATER_THAN_SECONDS * RATE
    assert max(memory) <= 1.2 * memory[0]
