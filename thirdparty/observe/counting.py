"""Counts records: all of them, which takes seconds for a million, or few of each state, which never takes long."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection, transaction

from thirdparty.models.record import State
from thirdparty.observe.tally import Tally
from thirdparty.store.dialect import dialect
from thirdparty.store.leased import leased
from thirdparty.store.tables import DECLARATIONS, RECORDS

AT_ONCE = 1_000
"""Of the records of one target in one state, so many are read whenever somebody asks, and no more."""
_WAITS_FOR_NO_VERSION = (State.PARKED, State.HELD, State.LEFT, State.DELETED)


def count_all() -> list[Tally]:
    """All records of all targets. Reads each of them once."""
    with connection.cursor() as cursor:
        cursor.execute(_grouped(RECORDS))
        return [_tally(row) for row in cursor.fetchall()]


def count_some(targets: Collection[str]) -> list[Tally]:
    """Of each of these targets and each state, the first `AT_ONCE` records that are found."""
    if not targets:
        return []
    with _by_index(), connection.cursor() as cursor:
        some = [source for target in targets for source in (*_settled(target), _in_flight(target))]
        cursor.execute(
            " UNION ALL ".join(_grouped(sql) for sql, _ in some), [value for _, values in some for value in values]
        )
        return [_tally(row) for row in cursor.fetchall()]


def _settled(target: str) -> Iterator[tuple[str, list[Any]]]:
    for state in State:
        if state is not State.IN_FLIGHT:
            which = "target = %s AND settled_state = %s AND state = %s"
            yield f"(SELECT * FROM {RECORDS} WHERE {which} LIMIT %s)", [target, state, state, AT_ONCE]


def _in_flight(target: str) -> tuple[str, list[Any]]:
    leases, parameters = leased(dialect(connection), target)
    return f"(SELECT * FROM {RECORDS} WHERE key IN (SELECT key FROM ({leases}) AS leases) LIMIT %s)", [
        *parameters,
        AT_ONCE,
    ]


def _grouped(source: str) -> str:
    without = ", ".join(f"'{state.value}'" for state in _WAITS_FOR_NO_VERSION)
    return f"""
        SELECT s.target, s.kind, s.state, s.parked, s.cause,
            count(*), min(s.owed_since), min(s.failing_since), min(s.key),
            count(CASE WHEN s.synced_at < d.since AND s.state NOT IN ({without}) THEN 1 END)
        FROM {source} s LEFT JOIN {DECLARATIONS} d ON d.kind = s.kind
        GROUP BY s.target, s.kind, s.state, s.parked, s.cause
    """


def _tally(row: tuple[Any, ...]) -> Tally:
    target, kind, state, parked, cause, count, since, failing_since, example, outdated = row
    since, failing_since = map(dialect(connection).moment, (since, failing_since))
    return Tally(target, kind, state, parked, cause, count, since, failing_since, example, outdated)


@contextmanager
def _by_index() -> Iterator[None]:
    """What is asked in here, PostgreSQL reads by an index, entry by entry, so that a limit bounds what is read.

    Otherwise it may read the table from its beginning, in the belief that there are enough; those that were written last
    are at its end.
    """
    if dialect(connection).vendor == "sqlite":
        yield
        return
    with transaction.atomic():
        _plan_with("= off")
        yield
        _plan_with("TO DEFAULT")  # a caller's transaction goes on


def _plan_with(value: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL enable_seqscan {value}; SET LOCAL enable_bitmapscan {value}")
