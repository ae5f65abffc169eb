"""Every figure of the table, in its order."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise

from bench import recovery, saves, scale, throughput
from bench.figures import Figure, medians
from bench.plan import Plan
from bench.saves import percentile
from bench.system import System

_MAIN_LATENCY_SECONDS = 0.02
_EDIT_PATIENCE_SECONDS = 3.0
_PAGE_MS = 300.0
_PROCESSES = (1, 2, 4)
_CORES_TO_SCALE = 6
Tell = Callable[[str], None]


def all_of(system: System, plan: Plan, tell: Tell) -> Iterator[tuple[str, Callable[[], list[Figure]]]]:
    """The parts of the run by name; each measures its figures when called."""
    for latency in plan.latencies_seconds:
        yield f"drain {latency * 1000:g} ms", partial(_throughput, system, plan, tell, latency)
    yield "one call", partial(_one_call, system, plan, tell)
    yield "more processes", partial(_more_processes, system, plan, tell)
    yield "where the time goes", partial(_where_the_time_goes, system, plan)
    yield "latency", partial(_latency, system, plan)
    yield "save", partial(_save, system, plan, tell)
    yield "frozen broker", partial(_frozen_broker, system, plan)
    yield "recovery", partial(_recovery, system, plan)
    yield "bulk_create", partial(_bulk_create, system, plan, tell)
    if system.has_postgres:
        yield "log of the database", partial(_log_of_the_database, system, plan, tell)
        yield "reconciler", partial(_reconciler, system, plan)
        yield "pages", partial(_pages, system, plan)
    yield "memory", partial(_memory, system, plan.pushes)


def _throughput(system: System, plan: Plan, tell: Tell, latency: float) -> list[Figure]:
    rate = partial(throughput.users_per_second, system, latency_seconds=latency)

    def bare(kind: str) -> float:
        return throughput.bare_loop(system, kind, latency_seconds=latency, count=plan.drained)["per_second"]

    measures: dict[str, Callable[[], float]] = {
        "drain": partial(rate, throughput.DRAIN, count=plan.drained),
        "textbook": partial(rate, throughput.TEXTBOOK_APP, count=plan.one_by_one),
    }
    main = latency == _MAIN_LATENCY_SECONDS
    if main:
        measures |= {"our client, bare": partial(bare, "ours"), "requests.Session, bare": partial(bare, "session")}
    if main and system.has_postgres:
        measures["one message per user"] = partial(rate, throughput.LEAN, count=2 * plan.one_by_one)
    if main and system.has_postgres and plan.rivals:
        measures |= {name: partial(rate, rival, count=plan.one_by_one) for name, rival in throughput.RIVALS.items()}
    found = medians(plan.rounds, measures, tell)
    what = f"drain, {latency * 1000:g} ms target"
    goals = {"textbook": 25.0 if main else None, "one message per user": 5.0, "our client, bare": 0.85}
    figures = [
        Figure(what, name, "users/s", found["drain"], found[name], at_least=goal)
        for name, goal in goals.items()
        if name in found
    ]
    if "requests.Session, bare" in found:
        ours, session = found["our client, bare"], found["requests.Session, bare"]
        figures.append(
            Figure("our client, bare loop", "requests.Session, bare", "calls/s", ours, session, at_least=1.0)
        )
    rivals = {name: found[name] for name in throughput.RIVALS if name in found}
    best = max(rivals, key=lambda name: rivals[name], default=None)
    for name, value in rivals.items():
        goal = 18.0 if name == best else None
        figures.append(Figure(what, name, "users/s", found["drain"], value, at_least=goal))
    return figures


def _one_call(system: System, plan: Plan, tell: Tell) -> list[Figure]:
    """What a call costs the processor with nothing around it: by rates alone, a faster target would look like a cheaper client."""

    def cpu_ms(kind: str) -> float:
        return throughput.bare_loop(system, kind, latency_seconds=_MAIN_LATENCY_SECONDS, count=plan.drained)["cpu_ms"]

    found = medians(plan.rounds, {"ours": partial(cpu_ms, "ours"), "session": partial(cpu_ms, "session")}, tell)
    return [Figure("CPU of one call, bare", "requests.Session", "ms", found["ours"], found["session"], at_most=0.35)]


def _more_processes(system: System, plan: Plan, tell: Tell) -> list[Figure]:
    rate = partial(throughput.users_per_second, system, latency_seconds=_MAIN_LATENCY_SECONDS, count=plan.drained)
    found = medians(plan.rounds, {f"{n} processes": partial(rate, throughput.drains_of(n)) for n in _PROCESSES}, tell)
    # Below that, workers, database and target share what cores there are.
    enough = (os.cpu_count() or 1) >= _CORES_TO_SCALE
    return [
        Figure(
            f"drain by {more} processes, 20 ms target", f"by {fewer}", "users/s", found[f"{more} processes"],
            found[f"{fewer} processes"], at_least=1.8 if enough else None,
        )
        for fewer, more in pairwise(_PROCESSES)
    ]  # fmt: skip


def _where_the_time_goes(system: System, plan: Plan) -> list[Figure]:
    load = {"latency_seconds": _MAIN_LATENCY_SECONDS, "count": plan.drained}
    workers, database = throughput.cpu_ms_per_user(system, **load)
    call = throughput.bare_loop(system, "ours", **load)["cpu_ms"]
    return [
        Figure("CPU of the workers for a user, drain", "our client, bare", "ms", workers, call),
        Figure("CPU of PostgreSQL for a user, drain", "our client, bare", "ms", database, call),
    ]


def _log_of_the_database(system: System, plan: Plan, tell: Tell) -> list[Figure]:
    wal = partial(throughput.wal_bytes_per_user, system, latency_seconds=_MAIN_LATENCY_SECONDS)
    measures: dict[str, Callable[[], float]] = {
        "drain": partial(wal, throughput.DRAIN, count=plan.drained),
        "textbook": partial(wal, throughput.TEXTBOOK_APP, count=plan.one_by_one),
    }
    edits = partial(throughput.wal_bytes_per_edit, system, latency_seconds=_MAIN_LATENCY_SECONDS)
    found = medians(plan.rounds, measures | {"edits": partial(edits, count=plan.drained // 4)}, tell)
    return [
        Figure("WAL for the first push, drain", "textbook", "bytes", found["drain"], found["textbook"]),
        Figure("WAL for a push of an edit, drain", "first push", "bytes", found["edits"], found["drain"]),
    ]


def _latency(system: System, plan: Plan) -> list[Figure]:
    ours: list[float] = []
    textbook: list[float] = []
    for _ in range(plan.rounds):
        ours += saves.latency_seconds(system, textbook=False, count=plan.latency_saves)
        textbook += saves.latency_seconds(system, textbook=True, count=plan.latency_saves)
    ours.sort()
    textbook.sort()
    return [
        Figure(
            f"save → applied, p{share * 100:g}", "textbook", "ms",
            1000 * percentile(ours, share), 1000 * percentile(textbook, share), at_most=goal,
        )
        for share, goal in ((0.5, 1.0), (0.99, 0.9))
    ]  # fmt: skip


def _save(system: System, plan: Plan, tell: Tell) -> list[Figure]:
    cost = partial(saves.cost_seconds, system, count=plan.saves)
    found = medians(
        plan.rounds, {"ours": partial(cost, textbook=False), "textbook": partial(cost, textbook=True)}, tell
    )
    ours, textbook = 1000 * found["ours"], 1000 * found["textbook"]
    return [Figure("user.save()", "textbook's save with .delay()", "ms", ours, textbook, at_most=1.1)]


def _frozen_broker(system: System, plan: Plan) -> list[Figure]:
    frozen: list[float] = []
    up: list[float] = []
    for _ in range(plan.rounds):
        frozen += saves.with_broker_frozen_seconds(system, frozen=True, count=plan.saves)
        up += saves.with_broker_frozen_seconds(system, frozen=False, count=plan.saves)
    ours, baseline = (1000 * percentile(sorted(values), 0.99) for values in (frozen, up))
    what = "user.save(), broker frozen, p99 after the first"
    return [Figure(what, "the same, broker up", "ms", ours, baseline, at_most=1.1)]


def _recovery(system: System, plan: Plan) -> list[Figure]:
    alone = saves.latency_seconds(system, textbook=False, count=plan.latency_saves)
    found = recovery.recover(system, owed=plan.recovered)
    what = f"recovery of {plan.recovered:,} at {recovery.RATE_PER_SECOND} calls/s"
    before, after = found.memory_mb
    in_time = percentile(alone, 0.95) + _EDIT_PATIENCE_SECONDS
    return [
        Figure(
            f"{what}: the fullest second", "the rate", "calls", found.fullest_second, recovery.RATE_PER_SECOND,
            at_most=1.05,
        ),
        Figure(f"{what}: save → applied, p95", "3 s more than alone", "s", found.edit_seconds, in_time, at_most=1.0),
        Figure(f"{what}: memory of the worker", "after the first 500", "MB", after, before, at_most=1.1),
    ]  # fmt: skip


def _bulk_create(system: System, plan: Plan, tell: Tell) -> list[Figure]:
    measure = partial(scale.bulk_create_seconds, system, count=plan.bulk)
    pair = {"owed": partial(measure, triggered=True), "not owed": partial(measure, triggered=False)}
    found = medians(plan.rounds, pair, tell)
    what = f"bulk_create of {plan.bulk:,}, owed"
    return [Figure(what, "without triggers", "s", found["owed"], found["not owed"], at_most=2.0)]


def _reconciler(system: System, plan: Plan) -> list[Figure]:
    few, many = plan.reconciled
    baseline, _ = scale.reconcile_seconds(system, rows=few)
    ours, grown_mb = scale.reconcile_seconds(system, rows=many)
    what = f"reconcile and claim {scale.DUE:,} due of {many:,}"
    return [
        Figure(what, f"of {few:,}", "s", ours, baseline, at_most=1.3),
        Figure("memory that it takes", "100 MB", "MB", grown_mb, 100.0, at_most=1.0),
    ]


def _pages(system: System, plan: Plan) -> list[Figure]:
    return [
        Figure(f"{name}, {plan.paged:,} records", "300 ms", "ms", took, _PAGE_MS, at_most=1.0)
        for name, took in scale.page_ms(system, rows=plan.paged).items()
    ]


def _memory(system: System, pushes: tuple[int, int]) -> list[Figure]:
    first, all_in_all = pushes
    baseline, ours = scale.worker_memory_mb(system, first=first, all_in_all=all_in_all)
    what = f"memory of a worker after {all_in_all:,} pushes"
    return [Figure(what, f"after {first:,}", "MB", ours, baseline, at_most=1.05)]
