"""How many users a second each design brings to the target: from the first request to everything recorded."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bench import proc
from bench.system import TEXTBOOK, System, Target, running, wait_until
from syncproject.demo.process import Process

PROCESSES, THREADS = 4, "64"
"""Of the drain and of the bare loops: what docs/performance.md recommends for a backlog, not the defaults."""


@dataclass(frozen=True, slots=True)
class Design:
    """``workers``: not started. ``fill``: publishes the work, before the workers start. ``recorded``: how many are done."""

    workers: Callable[[System, Target], Sequence[Process]]
    fill: Callable[[System, Target], None]
    recorded: Callable[[], int]


def users_per_second(system: System, design: Design, *, latency_seconds: float, count: int) -> float:
    """One measurement."""
    with system.target(latency_seconds) as target:
        system.people(count)
        design.fill(system, target)
        workers = design.workers(system, target)
        with running(*workers):
            wait_until(lambda: design.recorded() >= count, alive=workers)
            ended = time.time()
        return count / (ended - float(target.seen()["first"]))


def cpu_ms_per_user(system: System, *, latency_seconds: float, count: int) -> tuple[float, float]:
    """What the drain's worker processes use for each user, and what their database connections use."""
    with system.target(latency_seconds) as target:
        system.people(count)
        (worker,) = DRAIN.workers(system, target)
        with running(worker):
            before = proc.cpu_seconds(worker.pid), proc.database_cpu_seconds(system.database_name)
            DRAIN.fill(system, target)
            wait_until(lambda: DRAIN.recorded() >= count, alive=[worker])
            after = proc.cpu_seconds(worker.pid), proc.database_cpu_seconds(system.database_name)
    used = [1000 * (then - now) / count for now, then in zip(before, after, strict=True)]
    return used[0], used[1]


def wal_bytes_per_user(system: System, design: Design, *, latency_seconds: float, count: int) -> float:
    """What PostgreSQL's log grows by for each user, from a checkpoint on."""
    with system.target(latency_seconds) as target:
        system.people(count)
        design.fill(system, target)
        _do("CHECKPOINT")
        before = _one("SELECT pg_current_wal_lsn()")
        workers = design.workers(system, target)
        with running(*workers):
            wait_until(lambda: design.recorded() >= count, alive=workers)
        return float(str(_one(f"SELECT pg_current_wal_lsn() - '{before}'::pg_lsn"))) / count


def wal_bytes_per_edit(system: System, *, latency_seconds: float, count: int) -> float:
    """The same of a drain of edits alone, of every fourth of people whom the target holds; no checkpoint before."""
    with system.target(latency_seconds) as target:
        system.people(4 * count)
        workers = DRAIN.workers(system, target)
        with running(*workers):
            DRAIN.fill(system, target)
            wait_until(lambda: DRAIN.recorded() >= 4 * count, alive=workers)
            _do(
                "UPDATE users_user SET email = 'edited' || phone || '@example.com' WHERE CAST(phone AS integer) % 4 = 0"
            )
            before = _one("SELECT pg_current_wal_lsn()")
            DRAIN.fill(system, target)
            wait_until(lambda: DRAIN.recorded() > 0, alive=workers)
            return float(str(_one(f"SELECT pg_current_wal_lsn() - '{before}'::pg_lsn"))) / count


def drains_of(processes: int) -> Design:
    """The drain by one worker of so many processes."""

    def workers(system: System, target: Target) -> Sequence[Process]:
        return [
            system.celery("syncproject", "--concurrency", str(processes), SYNC_DRAIN_THREADS=THREADS, **target.env)
        ]

    return Design(workers, _hint, _synced)


def _hint(_system: System, _target: Target) -> None:
    from thirdparty.notify import hints  # noqa: PLC0415  # Django is set up by now

    hints.start_drain("partner")


def _synced() -> int:
    from thirdparty.models import Record  # noqa: PLC0415

    return 0 if Record.objects.filter(target="partner", due_at__isnull=False).exists() else Record.objects.count()


def _linked() -> int:
    return int(_one("SELECT count(*) FROM baseline_remoteid"))


def _one(sql: str) -> object:
    from django.db import connection  # noqa: PLC0415

    with connection.cursor() as cursor:
        cursor.execute(sql)
        (value,) = cursor.fetchone()
    return value


def _do(sql: str) -> None:
    from django.db import connection  # noqa: PLC0415  # Django is set up by now

    with connection.cursor() as cursor:
        cursor.execute(sql)


def _ids() -> list[int]:
    from users.models import User  # noqa: PLC0415

    return list(User.objects.values_list("pk", flat=True))


def _messages(task: str) -> Callable[[System, Target], None]:
    def publish(_system: System, _target: Target) -> None:
        from syncproject.celery import app  # noqa: PLC0415

        with app.producer_pool.acquire(block=True) as producer:
            for user_id in _ids():
                app.send_task(task, args=[user_id], producer=producer)

    return publish


def _textbook(system: System, target: Target) -> Sequence[Process]:
    return [system.celery("syncproject", "--concurrency", "8", **target.env, **TEXTBOOK)]


def _lean(system: System, target: Target) -> Sequence[Process]:
    options = ("--pool", "gevent", "--concurrency", "64")
    return [
        system.celery("bench.lean", *options, "--hostname", f"lean{n}@%h", name=f"lean{n}", **target.env)
        for n in (1, 2)
    ]


def _rival(name: str) -> Design:
    def workers(system: System, target: Target) -> Sequence[Process]:
        return [system.process(name, ("-m", "bench.rivals", name, "work"), **target.env, **TEXTBOOK)]

    def fill(system: System, target: Target) -> None:
        filling = system.process("fill", ("-m", "bench.rivals", name, "fill"), **target.env, **TEXTBOOK)
        filling.start()
        wait_until(lambda: not filling.alive)

    return Design(workers, fill, _linked)


DRAIN = drains_of(PROCESSES)
TEXTBOOK_APP = Design(_textbook, _messages("tests.chaos.baseline.tasks.push"), _linked)
LEAN = Design(_lean, _messages("bench.lean"), _linked)
RIVALS = {name: _rival(name) for name in ("dramatiq", "huey", "procrastinate")}


def bare_loop(system: System, kind: str, *, latency_seconds: float, count: int) -> Mapping[str, float]:
    """``ours`` or ``session`` in a bare loop, with the processes and threads of the drain; see `bench.bare`."""
    with system.target(latency_seconds) as target:
        loop = system.process("bare", ("-m", "bench.bare", kind, target.url, str(count), str(PROCESSES), THREADS))
        loop.start()
        wait_until(lambda: not loop.alive)
        try:
            return dict(json.loads(loop.output().splitlines()[-1]))
        except (ValueError, IndexError):
            raise RuntimeError(f"the bare loop failed:\n{loop.log_tail()}") from None
