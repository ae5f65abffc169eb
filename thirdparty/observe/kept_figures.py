"""The status for those who ask often and need no name: counted now and then, by one process for all.

To count is to read every record once (1.8 s for 600,000). However many ask, and however many processes there are, that is
done once in ten seconds, and takes a twentieth of one database core at most (as long as a count takes half a minute at
most: no figures are kept for longer than ten); otherwise one row is read.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from django.db import connection

from thirdparty.models import KeptFigures
from thirdparty.observe.status import status
from thirdparty.store.dialect import dialect

GOOD_FOR_SECONDS = 10.0
_AT_MOST_ONE_IN = 20.0
_COUNTING_SECONDS = 60.0
"""So long the one who counts is waited for; died, another begins."""
_LONGEST_SECONDS = 600.0
"""No figures are good for longer. What says so was written while the database's clock was ahead."""
_TABLE, _ONLY = "thirdparty_keptfigures", 1


@dataclass(frozen=True, slots=True)
class Figures:
    """``report``: `thirdparty.observe.status.Status` as JSON, its times as text. ``age_seconds``: since it was counted."""

    report: dict[str, Any]
    age_seconds: float


def figures() -> Figures:
    """The figures that some process counted not long ago; counted here and now where it is this one's turn."""
    kept = _kept()
    if kept is None:
        KeptFigures.objects.bulk_create([KeptFigures(pk=_ONLY)], ignore_conflicts=True)
    if kept is None or (kept.is_old and _is_ours()):
        return _counted()
    if kept.body is None:  # the first count is under way elsewhere: there is nothing older to show
        return Figures(status().as_json(), 0.0)
    return Figures(kept.body, abs(float(kept.age_seconds)))


def _kept() -> Any:
    sql = f"SELECT id, body, {_is_old()} AS is_old, {_age()} AS age_seconds FROM {_TABLE} WHERE id = %s"
    return next(iter(KeptFigures.objects.raw(sql, [_LONGEST_SECONDS, _ONLY])), None)


def _age() -> str:
    db = dialect(connection)
    if db.vendor == "sqlite":
        return "((julianday('now') - julianday(counted_at)) * 86400.0)"
    return f"EXTRACT(EPOCH FROM {db.clock} - counted_at)"


def _is_old() -> str:
    """Takes `_LONGEST_SECONDS` as its parameter. Figures of the future are of a clock that has been set back."""
    db = dialect(connection)
    return f"(good_until <= {db.clock} OR good_until > {db.after()} OR counted_at > {db.clock})"


def _is_ours() -> bool:
    """Take the turn to count. False where another process was first."""
    db = dialect(connection)
    # Counted in the future: at least as far in the past, for all that can be said, and nobody else's turn any more.
    counted_at = f"CASE WHEN counted_at > {db.clock} THEN {db.after(_age())} ELSE counted_at END"
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {_TABLE} SET good_until = {db.after()}, counted_at = {counted_at} WHERE id = %s AND {_is_old()}",
            [_COUNTING_SECONDS, _ONLY, _LONGEST_SECONDS],
        )
        return bool(cursor.rowcount)


def _counted() -> Figures:
    began = time.monotonic()
    report = status().as_json()
    good_for = min(max(GOOD_FOR_SECONDS, _AT_MOST_ONE_IN * (time.monotonic() - began)), _LONGEST_SECONDS)
    KeptFigures.objects.filter(pk=_ONLY).update(body=report)
    db = dialect(connection)
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {_TABLE} SET counted_at = {db.clock}, good_until = {db.after()} WHERE id = %s", [good_for, _ONLY]
        )
    return Figures(report, 0.0)
