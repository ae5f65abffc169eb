"""The reconciler's ticks: one in a period, whoever asks and however many wait; and none for long is an alarm.

All by the database's clock, which the processes share (SQLite's is this machine's): neither beat's nor a worker's decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from thirdparty import protect
from thirdparty.models import Tick
from thirdparty.settings import settings
from thirdparty.store.dialect import dialect

NAME = "reconcile"
_TABLE = Tick._meta.db_table
_LATE_AFTER_PERIODS = 10
_LATE_AFTER_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class LastTick:
    """``at``: None before the first. ``late``: there was none for ten periods, or five minutes where that is longer.

    ``seconds`` since then, or since a first one has been expected; None where no worker has ever started.
    """

    at: datetime | None
    seconds: float | None
    late: bool


def expect() -> None:
    """A worker has started: from now on, ticks are to come."""
    db = dialect(connection)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {_TABLE} (name, expected_since) VALUES (%s, {db.clock}) ON CONFLICT (name) DO NOTHING",
            [NAME],
        )


def begin(*, anyway: bool = False) -> bool:
    """Note that a tick begins. False where another began less than half a period ago: that one serves.

    Half of one, since beat comes a little early at times. ``anyway``: somebody asked for this one.
    """
    db = dialect(connection)
    # A tick in the future is of a clock that has been set back.
    due = f"{_TABLE}.at IS NULL OR {_TABLE}.at <= {db.after()} OR {_TABLE}.at > {db.clock}"
    half_seconds = settings.SYNC_RECONCILE_EVERY_SECONDS / 2
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {_TABLE} (name, expected_since, at) VALUES (%s, {db.clock}, {db.clock}) "
            f"ON CONFLICT (name) DO UPDATE SET at = excluded.at WHERE {due} OR {db.true if anyway else db.false}",
            [NAME, -half_seconds],
        )
        return bool(cursor.rowcount)


def patience_seconds() -> float:
    """What should come with each tick, and has not for so long, is late."""
    return max(_LATE_AFTER_PERIODS * settings.SYNC_RECONCILE_EVERY_SECONDS, _LATE_AFTER_SECONDS)


def last() -> LastTick:
    """How long ago the last one began."""
    row = Tick.objects.filter(name=NAME).first()
    if row is None:
        return LastTick(None, None, late=False)
    # One in the future says no more than one as far in the past: the next one tells.
    seconds = abs((protect.clock() - (row.at or row.expected_since)).total_seconds())
    return LastTick(row.at, seconds, late=seconds > patience_seconds())
