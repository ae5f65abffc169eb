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
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from thirdparty.models.record import State
from thirdparty.observe.figure import Figure, Kind
from thirdparty.observe.status import FIGURES, status

logger = logging.getLogger(__name__)


class SyncCollector(Collector):
    """What `thirdparty.observe.status.status` says."""

    def describe(self) -> list[Metric]:
        return []  # or registering would read a database that may not be there yet

    def collect(self) -> Iterator[Metric]:
        report = status().as_json()
        records = GaugeMetricFamily("usersync_records", "Records by state.", labels=["target", "state"])
        for name, entry in report["targets"].items():
            for state in State:
                records.add_metric([name, state.value], entry[state.value])
        yield records
        yield from filter(None, (_of_targets(figure, report["targets"]) for figure in FIGURES))
        yield _of_reasons(report["reasons"])
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


def _of_reasons(reasons: list[dict[str, Any]]) -> Metric:
    """1 for each reason there is; where several of one code differ in what no label says, their number."""
    metric = GaugeMetricFamily(
        "usersync_reasons", "Why the whole is not well (docs/operations.md).", labels=["code", "severity", "target"]
    )
    counted = Counter((reason["code"], reason["severity"], reason["target"]) for reason in reasons)
    for labels, count in counted.items():
        metric.add_metric(labels, count)
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
