"""A single save: what it costs, how soon the target has it, and what a frozen broker does to it."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from bench.system import TEXTBOOK, System, Target, running, wait_until
from syncproject.demo import parts
from syncproject.demo.ports import HOST, Port
from syncproject.demo.process import Process

_LIGHT_LOAD_PAUSE_SECONDS = 0.3
Saved = list[tuple[str, float, float]]


def cost_seconds(system: System, *, textbook: bool, count: int) -> float:
    """The median of saves one after the other, nobody working on them."""
    system.people(0)
    with _without_triggers(unless=not textbook):
        return statistics.median(took for _, took, _ in save(system, count, 0.0, **(TEXTBOOK if textbook else {})))


def latency_seconds(system: System, *, textbook: bool, count: int) -> list[float]:
    """From the return of each save to its arrival at a target without latency, at light load, sorted."""
    system.people(0)
    settings = TEXTBOOK if textbook else {}
    with system.target(0.0) as target:
        worker = system.celery("syncproject", "--concurrency", "8" if textbook else "4", **target.env, **settings)
        # A worker does not start without triggers; the textbook's saves are to be spared them.
        with running(worker), _without_triggers(unless=not textbook):
            save(system, 3, _LIGHT_LOAD_PAUSE_SECONDS, **settings)
            saved = save(system, count, _LIGHT_LOAD_PAUSE_SECONDS, **settings)
            wait_until(lambda: _have_come(target, saved), alive=[worker], within_seconds=30)
            arrived = target.seen()["at"]
    return sorted(arrived[uuid] - at for uuid, _, at in saved)


def with_broker_frozen_seconds(system: System, *, frozen: bool, count: int) -> list[float]:
    """Saves with a broker of their own, frozen or not, the first one left out; sorted."""
    system.people(0)
    port = Port()
    part = parts.broker(port, folder=system.folder, server=None)
    broker = Process(name="broker", command=part.command, log=system.folder / "own-broker.log", ready=part.ready)
    port.release()
    with running(broker):
        if frozen:
            broker.freeze()
        saved = save(system, count + 1, 0.0, CELERY_BROKER_URL=f"redis://{HOST}:{port.number}/0")
    return sorted(took for _, took, _ in saved[1:])


def percentile(values: Sequence[float], share: float) -> float:
    """Of sorted values, the one that this share is not above."""
    return values[min(int(len(values) * share), len(values) - 1)]


def _have_come(target: Target, saved: Saved) -> bool:
    return {uuid for uuid, _, _ in saved} <= set(target.seen()["at"])


def save(system: System, count: int, pause_seconds: float, **env: str) -> Saved:
    """So many saves in a process of their own: uuid, seconds that it took, and when it returned."""
    saving = system.process("saving", ("-m", "bench.saving", str(count), str(pause_seconds)), **env)
    saving.start()
    wait_until(lambda: not saving.alive)
    try:
        return [(uuid, took, at) for uuid, took, at in json.loads(saving.output().splitlines()[-1])]
    except (ValueError, IndexError):
        raise RuntimeError(f"the saves failed:\n{saving.log_tail()}") from None


@contextmanager
def _without_triggers(*, unless: bool) -> Iterator[None]:
    """The textbook's database has none."""
    from thirdparty.capture import triggers  # noqa: PLC0415  # Django is set up by now

    if unless:
        yield
        return
    triggers.drop()
    try:
        yield
    finally:
        triggers.install()
