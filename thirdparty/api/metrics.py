"""Figures for Prometheus, of the database, so any web process tells the same.

Open to whoever reaches the address, as is usual: they hold counts and no person. Keep
``/metrics`` from the public at the proxy.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from typing import Any

from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from thirdparty.models import HintTotal
from thirdparty.models.heartbeat import Role
from thirdparty.models.record import State
from thirdparty.observe.figure import Figure, Kind
from thirdparty.observe.kept_totals import BUCKETS, Totals, What, totals
from thirdparty.observe.reasons import Seen
from thirdparty.observe.status import FIGURES, status

logger = logging.getLogger(__name__)


class SyncCollector(Collector):
    """What `thirdparty.observe.status.status` says, and what the reconciler has counted of attempts."""

    def describe(self) -> list[Metric]:
        return []  # or registering would read a database that may not be there yet

    def collect(self) -> Iterator[Metric]:
        seen = Seen()
        report = status(seen).as_json()
        records = GaugeMetricFamily("usersync_records", "Records by state.", labels=["target", "state"])
        for name, entry in report["targets"].items():
            for state in State:
                records.add_metric([name, state.value], entry[state.value])
        yield records
        yield from filter(None, (_of_targets(figure, report["targets"]) for figure in FIGURES))
        yield from _of_reasons(report["reasons"], seen)
        yield from _of_processes(seen)
        yield from _of_attempts(totals(list(report["targets"])))
        yield _of_hints()
        yield GaugeMetricFamily(
            "usersync_triggers_missing", "Triggers not in place.", value=len(report["triggers_missing"])
        )
        yield GaugeMetricFamily(
            "usersync_figures_age_seconds",
            "How long ago those states were counted that hold many records; 0 where none does.",
            value=report["figures_age_seconds"] or 0.0,
        )
        yield GaugeMetricFamily(
            "usersync_last_tick_seconds",
            "Since the reconciler last began a tick, or since a worker first expected one; 0 before that.",
            value=report["reconciler"]["seconds"] or 0.0,
        )
        yield GaugeMetricFamily(
            "usersync_ticks_late", "1 when no tick came for long.", value=float(report["reconciler"]["late"])
        )
        yield GaugeMetricFamily(
            "usersync_healthy", "1 when `sync status` says healthy.", value=float(report["healthy"])
        )


def _of_reasons(reasons: list[dict[str, Any]], seen: Seen) -> Iterator[Metric]:
    """1 for each reason there is; where several of one code differ in what no label says, their number."""
    labels = ["code", "severity", "target"]
    metric = GaugeMetricFamily("usersync_reasons", "Why the whole is not well (docs/operations.md).", labels=labels)
    age = GaugeMetricFamily(
        "usersync_reason_age_seconds", "For how long the oldest reason of these labels has been one.", labels=labels
    )
    counted, ages = Counter[tuple[str, ...]](), dict[tuple[str, ...], float]()
    for reason in reasons:
        place = (reason["code"], reason["severity"], reason["target"])
        counted[place] += 1
        if reason["since"] is not None:
            ages[place] = max(ages.get(place, 0.0), (seen.now - reason["since"]).total_seconds())
    for labelled, count in counted.items():
        metric.add_metric(labelled, count)
    for labelled, seconds in ages.items():
        age.add_metric(labelled, seconds)
    yield metric
    yield age


def _of_processes(seen: Seen) -> Iterator[Metric]:
    alive = GaugeMetricFamily("usersync_processes", "Processes seen within a minute.", labels=["role"])
    cut_off = GaugeMetricFamily(
        "usersync_processes_without_broker", "Those of them that reach no broker.", labels=["role"]
    )
    age = GaugeMetricFamily(
        "usersync_heartbeat_age_seconds",
        "Since one of that role was last seen; absent before the first.",
        labels=["role"],
    )
    for role in Role:
        theirs = seen.of_role(role)
        living = [heartbeat for heartbeat in theirs if seen.is_alive(heartbeat)]
        alive.add_metric([role.value], len(living))
        cut_off.add_metric([role.value], sum(heartbeat.broker_down_since is not None for heartbeat in living))
        if theirs:
            last = max(heartbeat.seen_at for heartbeat in theirs)
            age.add_metric([role.value], max((seen.now - last).total_seconds(), 0.0))
    yield from (alive, cut_off, age)


def _of_attempts(found: dict[str, Totals]) -> Iterator[Metric]:
    """Counted by the reconciler, once an attempt's lease is over: some two minutes late."""
    objective = GaugeMetricFamily(
        "usersync_objective_seconds", "A change, or a removal, is to be acknowledged within so long.", labels=["what"]
    )
    for what in What:
        objective.add_metric([what.value], what.objective_seconds)
    attempts = CounterMetricFamily("usersync_attempts", "Attempts that have ended.", labels=["target", "outcome"])
    labels = ["target", "what"]
    took = HistogramMetricFamily(
        "usersync_acknowledgement_seconds",
        "From the first change that it covers to the acknowledgement.",
        labels=labels,
    )
    in_time = CounterMetricFamily(
        "usersync_acknowledged_in_time", "Acknowledgements within the objective.", labels=labels
    )
    late = GaugeMetricFamily("usersync_owed_late", "Records owed for longer than the objective.", labels=labels)
    for name, each in found.items():
        for outcome, count in each.outcomes.items():
            attempts.add_metric([name, outcome], count)
        for what in What:
            kept = each.of(what)
            buckets = [*zip(map(str, BUCKETS), kept.buckets, strict=True), ("+Inf", kept.count)]
            took.add_metric([name, what.value], buckets, sum_value=kept.seconds)
            in_time.add_metric([name, what.value], kept.in_time)
            late.add_metric([name, what.value], kept.late)
    yield from (objective, attempts, took, in_time, late)


def _of_hints() -> Metric:
    """Added up by the processes that publish, once a minute each."""
    metric = CounterMetricFamily(
        "usersync_hints", "Messages to workers: sent, or refused by every broker.", labels=["task", "outcome"]
    )
    for total in HintTotal.objects.order_by("task", "outcome"):
        metric.add_metric([total.task, total.outcome], total.count)
    return metric


def _of_targets(figure: Figure, entries: dict[str, dict[str, Any]]) -> Metric | None:
    """One figure of every target; None for those that are no numbers, and for states, which are one metric together."""
    if figure.name in State.values:
        return None
    prefix = "usersync_" if figure.kind is Kind.SECONDS else "usersync_target_"
    metric = GaugeMetricFamily(f"{prefix}{figure.metric or figure.name}", figure.meaning, labels=["target"])
    for name, entry in entries.items():
        number = figure.measured(entry[figure.name])
        if number is None:
            return None
        metric.add_metric([name], number)
    return metric


registry = CollectorRegistry()
registry.register(SyncCollector())


def metrics(request: HttpRequest) -> HttpResponse:
    """All figures in the format that the scraper asks for; 503 where the database does not give them."""
    encode, content_type = choose_encoder(request.headers.get("Accept", ""))
    try:
        return HttpResponse(encode(registry), content_type=content_type)
    except DatabaseError:
        logger.exception("the figures cannot be read")
        return HttpResponse("the database does not answer\n", status=503, content_type="text/plain")
