"""Whether changes arrive as quickly as they should."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from django.utils.translation import gettext as _

from thirdparty.observe.numbers import grouped
from thirdparty.observe.reasons.reason import Link, Reason, Severity
from thirdparty.observe.reasons.seen import Seen
from thirdparty.observe.recent import Recent, Span

PROMISED_PERCENT = 95
"""So many acknowledgements are to come within `SYNC_OBJECTIVE_SECONDS`, removals within `SYNC_OBJECTIVE_REMOVAL_SECONDS`."""
LEAST = 20
"""Of fewer acknowledgements in an hour one late one would be a large share."""
_LATELY = timedelta(minutes=10)
"""What was late, and is no more, needs nobody."""


def objective_missed(seen: Seen) -> Iterator[Reason]:
    """Too many were late in the last hour, and are so still. What is owed for long, or parked, has reasons of its own."""
    for name, row in seen.rows.items():
        if row is None or row.backfill:
            continue
        totals = seen.totals[name]
        of_hour = totals.since(Span.HOUR.length)
        if of_hour.acknowledged < LEAST or not (_is_missed(of_hour) and _is_missed(totals.since(_LATELY))):
            continue
        given = {
            "percent": 100 * of_hour.in_time // of_hour.acknowledged,
            "count": grouped(of_hour.acknowledged),
            "promised": PROMISED_PERCENT,
        }
        sentence = _(
            "Of the %(count)s changes that it acknowledged in the last hour, %(percent)d%% came in time: it should be %(promised)d%%."
        )
        page = Link("admin:thirdparty_target_change", (name,))
        yield Reason("objective_missed", Severity.ACT, sentence % given, name, link=page)


def _is_missed(recent: Recent) -> bool:
    return 100 * recent.in_time < PROMISED_PERCENT * recent.acknowledged
