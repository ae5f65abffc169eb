"""The figures of the last hour and the last day, as the reconciler has counted them: some two minutes late."""

from __future__ import annotations

from thirdparty.observe.figure import Figure, Kind
from thirdparty.observe.recent import Span


def of_span(span: Span) -> list[Figure]:
    """What was acknowledged within it, how much of that in time, and what failed."""
    within = "in the last hour" if span is Span.HOUR else "in the last 24 hours"
    return [
        Figure(
            f"acknowledged_{span}",
            Kind.COUNT,
            f"changes and removals that the target has acknowledged {within}",
            lambda read: read.totals.since(span.length).acknowledged,
            span=span,
        ),
        Figure(
            f"percent_in_time_{span}",
            Kind.PERCENT,
            f"so many per cent of them were acknowledged within the objective {within}; null where there were none",
            lambda read: read.totals.since(span.length).percent_in_time,
            span=span,
        ),
        Figure(
            f"failed_{span}",
            Kind.COUNT,
            f"attempts that have failed {within}",
            lambda read: sum(read.totals.since(span.length).failed.values()),
            span=span,
        ),
        Figure(
            f"failed_by_outcome_{span}",
            Kind.COUNTS,
            f"the same, by how they ended: transient, unknown, rejected or crashed, {within}",
            lambda read: dict(read.totals.since(span.length).failed),
            span=span,
        ),
    ]
