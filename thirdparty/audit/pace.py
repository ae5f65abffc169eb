"""How many calls an audit makes in a tick: what is left to be asked, spread evenly over the time that is left."""

from __future__ import annotations

import math
import time
from typing import NamedTuple

from thirdparty import protect
from thirdparty.audit.listing import PER_PAGE
from thirdparty.models import Audit, Record
from thirdparty.models.audit import OPEN, Phase
from thirdparty.settings import settings

_MANY = 10_000
_RECOUNT_SECONDS = 600.0
"""To count many takes the database long, and so often is enough; in between they grow less by each call."""


class _Counted(NamedTuple):
    phase: str
    at: float
    left: float
    calls: int


_counted: dict[int, _Counted] = {}
"""By audit, of those with many calls left; of this process, since whoever else goes on with one counts for itself."""


def calls_of_a_tick(audit: Audit) -> int | None:
    """How many calls it may make until the next tick, as much is left now; None for any number.

    Once its time is over: all that are left.
    """
    if audit.spread_seconds is None:
        return None
    gone_seconds = max((protect.clock() - audit.started_at).total_seconds(), 0.0)
    return spread(
        _calls_left_by_now(audit),
        audit.spread_seconds - gone_seconds,
        tick_seconds=settings.SYNC_RECONCILE_EVERY_SECONDS,
    )


def spread(calls: float, seconds_left: float, *, tick_seconds: float) -> int:
    """So many of these calls are made in a tick, one at least. Pure."""
    return max(math.ceil(calls * tick_seconds / max(seconds_left, tick_seconds)), 1)


def _calls_left_by_now(audit: Audit) -> float:
    now, calls = time.monotonic(), int(audit.counts.get("calls", 0))
    known = _counted.pop(audit.pk, None)
    if known is None or known.phase != audit.phase or now - known.at > _RECOUNT_SECONDS:
        known = _Counted(audit.phase, now, calls_left(audit), calls)
    left = known.left - (calls - known.calls)
    if left >= _MANY:
        _counted[audit.pk] = known
    return left


def calls_left(audit: Audit) -> float:
    """As far as it can be told by now: further look-ups come of what is found."""
    match audit.phase:
        case Phase.LISTING | Phase.LISTING_AGAIN:
            return _pages_left(audit) + _strangers_left(audit, after=0)
        case Phase.EXTRAS:
            return _strangers_left(audit, after=int(audit.cursor or 0))
        case _:
            return _records_left(audit)


def _pages_left(audit: Audit) -> float:
    """Only its last page tells how long a listing is: what shows more than is ours is taken to show as much again."""
    ours = Record.objects.filter(target=audit.target, kind=audit.kind, remote_id__isnull=False).count()
    to_be_shown = ours if audit.looks_up else 2 * ours
    shown, pages = int(audit.counts.get("listed", 0)), int(audit.counts.get("pages", 0))
    left = to_be_shown - shown if shown < to_be_shown else shown
    return left / max(shown / pages, 1) if pages else left / PER_PAGE


def _strangers_left(audit: Audit, *, after: int) -> int:
    return audit.findings.filter(confirmed_at=None, pk__gt=after).count()


def _records_left(audit: Audit) -> int:
    """Those ahead of the cursor that are not settled yet."""
    after = audit.cursor or ""
    ahead = Record.objects.filter(target=audit.target, kind=audit.kind, key__gt=after).count()
    settled = audit.comparisons.filter(record__gt=after).exclude(outcome=OPEN).count()
    return max(ahead - settled, 0)
