"""A backlog that drains at the allowed rate, while people go on editing."""

from __future__ import annotations

from dataclasses import dataclass

from bench import proc, saves, throughput
from bench.system import System, running, wait_until
from tests.integration.turns import fullest_second

RATE_PER_SECOND = 500
_LATENCY_SECONDS = 0.02
_PAUSE_SECONDS = 0.3
_SETTLING_IN = 500


@dataclass(frozen=True, slots=True)
class Recovery:
    """``fullest_second``: the most calls that the target got within one. ``edit_seconds``: from a save to its arrival,
    p95, while the backlog drained. ``memory_mb``: of the worker, after the first records and in the end.
    """

    fullest_second: int
    edit_seconds: float
    memory_mb: tuple[float, float]


def recover(system: System, *, owed: int) -> Recovery:
    """Drain so many records at `RATE_PER_SECOND`."""
    with system.target(_LATENCY_SECONDS) as target:
        system.people(owed)
        limit = {"TARGET_PARTNER_RATE": f"{RATE_PER_SECOND}/s"}
        worker = system.celery("syncproject", "--concurrency", "4", **target.env, **limit)
        with running(worker):
            throughput.DRAIN.fill(system, target)
            wait_until(lambda: target.count() >= _SETTLING_IN, alive=[worker])
            before = proc.memory_mb(worker.pid)
            edits = max(int(0.6 * owed / RATE_PER_SECOND / _PAUSE_SECONDS), 1)
            saved = saves.save(system, edits, _PAUSE_SECONDS, **limit)
            wait_until(lambda: throughput.DRAIN.recorded() >= owed + edits, alive=[worker])
            after = proc.memory_mb(worker.pid)
        arrived = target.seen()["at"]
    waits = sorted(arrived[uuid] - at for uuid, _, at in saved)
    return Recovery(fullest_second(sorted(arrived.values())), saves.percentile(waits, 0.95), (before, after))
