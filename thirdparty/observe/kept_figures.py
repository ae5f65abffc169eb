"""How many records stand how, for everybody who asks: few are counted now, and many have been counted by the reconciler.

To count all is to read every record once (some seconds for a million). A page that comes again every half minute, a scrape
that anybody may ask for and a person on call must not wait for that. So of each target and state fewer than
`thirdparty.observe.counting.AT_ONCE` are counted whenever somebody asks, and what a person does about them is seen at once;
where there are as many or more, the number is the one that the reconciler last counted, and how long ago that was is told.
Counting takes a twentieth of one database core at most, as long as it takes half a minute at most.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db import connection

from thirdparty.models import KeptFigures
from thirdparty.observe import counting
from thirdparty.observe.tally import Tally
from thirdparty.run import tick
from thirdparty.store.dialect import dialect

_AT_MOST_ONE_IN = 20.0
_COUNTING_SECONDS = 60.0
"""So long the one who counts is waited for; died, another begins."""
_LONGEST_SECONDS = 600.0
"""No figures are good for longer. What says so was written while the database's clock was ahead."""
_TABLE, _ONLY = KeptFigures._meta.db_table, 1


@dataclass(frozen=True, slots=True)
class Figures:
    """``counted_at``: when those were counted that were not counted now; None where all were.

    ``late``: they should have been counted again long ago.
    """

    tallies: tuple[Tally, ...]
    counted_at: datetime | None = None
    late: bool = False


def figures(targets: Collection[str], now: datetime) -> Figures:
    """Of these targets. ``now``: by the database's clock."""
    found = counting.count_some(targets)
    counts = Counter[tuple[str, str]]()
    for tally in found:
        counts[_place(tally)] += tally.count
    many = {place for place, count in counts.items() if count >= counting.AT_ONCE}
    few = tuple(tally for tally in found if _place(tally) not in many)
    kept = KeptFigures.objects.filter(pk=_ONLY, body__isnull=False).first() if many else None
    before = [Tally.from_json(plain) for plain in kept.body or ()] if kept is not None else []
    counts_before = Counter[tuple[str, str]]()
    for tally in before:
        counts_before[_place(tally)] += tally.count
    # Counted before they were many: there are more now, and how many nobody knows.
    known = {place for place in many if counts_before[place] >= counting.AT_ONCE}
    many_known = tuple(tally for tally in before if _place(tally) in known)
    at_least = tuple(replace(tally, at_least=True) for tally in found if _place(tally) in many - known)
    if kept is None or not known:
        return Figures((*few, *at_least))
    overdue = now - kept.good_until > timedelta(seconds=tick.patience_seconds())
    return Figures((*few, *many_known, *at_least), kept.counted_at, overdue)


def _place(tally: Tally) -> tuple[str, str]:
    return tally.target, tally.state


def count() -> bool:
    """Count all records, unless that was done not long ago, and keep the figures. False where it was not time."""
    KeptFigures.objects.bulk_create([KeptFigures(pk=_ONLY)], ignore_conflicts=True)
    if not _is_ours():
        return False
    began = time.monotonic()
    body = [tally.as_json() for tally in counting.count_all()]
    seconds = time.monotonic() - began
    KeptFigures.objects.filter(pk=_ONLY).update(body=body)
    db = dialect(connection)
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {_TABLE} SET counted_at = {db.after()}, good_until = {db.after()} WHERE id = %s",
            [-seconds, min(_AT_MOST_ONE_IN * seconds, _LONGEST_SECONDS), _ONLY],
        )
    return True


def _is_ours() -> bool:
    """Take the turn to count. False where it is not time, or another process has it."""
    db = dialect(connection)
    # Figures of the future are of a clock that has been set back.
    is_old = f"(good_until <= {db.clock} OR good_until > {db.after()} OR counted_at > {db.clock})"
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {_TABLE} SET good_until = {db.after()} WHERE id = %s AND {is_old}",
            [_COUNTING_SECONDS, _ONLY, _LONGEST_SECONDS],
        )
        return bool(cursor.rowcount)
