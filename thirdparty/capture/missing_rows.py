"""Rows for objects that a target has none of: it was named in settings after they were saved, or rows were lost.

Triggers make every later row, so after the first pass over all objects this is a slow round of a thousand
objects a tick, whose cost does not grow with their number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import OperationalError, connection, transaction

from thirdparty.declaration import of_kind
from thirdparty.declaration.registry import declared_for
from thirdparty.declaration.source import Source
from thirdparty.store.attempts import MISSING
from thirdparty.store.contention import is_contention, wait_briefly, within_reach
from thirdparty.store.dialect import dialect
from thirdparty.store.tables import RECORDS, TARGETS

START = ""
"""The place before the first object of the first kind. Others are ``kind:primary key``, as are objects that were left."""


@dataclass(frozen=True, slots=True)
class Found:
    """Some objects further: so many lacked a row, up to the place ``to``; None where there are no more.

    ``left``: those up to there without a row whom somebody held, for `add_left`. ``to`` is where it began, if no more
    may be left.
    """

    added: int
    to: str | None
    left: tuple[str, ...] = ()


def add_next(target: str, after: str, most: int, *, most_left: int) -> Found:
    """Owe those of the next objects that the target has no row of, without those whom somebody holds.

    Whoever edits one of them has a row of theirs that is not committed, and an insert would wait for that with the rows
    of all the others in its hands. So objects are locked first, as an edit does, and those that are not free are left out.
    """
    kinds = [declaration.kind for declaration in declared_for(target)]
    kind, _, last_pk = after.partition(":")
    later = kinds[kinds.index(kind) :] if kind in kinds else kinds
    for each in later:
        table = _Table(each)
        with transaction.atomic():
            last = table.last_of_next(last_pk if each == kind else None, most)
            if last is not None:
                return _add_until(table, target, after, last, most_left)
    return Found(0, None)


def _add_until(table: _Table, target: str, after: str, last: str, most_left: int) -> Found:
    kind, _, pk = after.partition(":")
    first = pk if kind == table.kind else None
    lacking = table.lacking(target, between=(first, last))
    free = table.lock(lacking, skip=True)
    within, held = within_reach(lacking, free, most_left)
    added = table.add(target, [pk for pk in within if pk in free])
    left = tuple(f"{table.kind}:{pk}" for pk in held)
    if len(within) == len(lacking):
        return Found(added, f"{table.kind}:{last}", left)
    return Found(added, f"{table.kind}:{within[-1]}" if within else after, left)


def add_left(target: str, places: Sequence[str]) -> tuple[int, list[str]]:
    """`add_next` for those objects that were left out and are free now. Returns how many, and who is held still.

    If none is free, the first is waited for alone: what is edited again and again is never seen free.
    """
    kinds = {declaration.kind for declaration in declared_for(target)}
    added, held = 0, list[str]()
    for kind in dict.fromkeys(place.partition(":")[0] for place in places):
        if kind in kinds:
            pks = [pk for each, _, pk in (place.partition(":") for place in places) if each == kind]
            count, still = _add_left(_Table(kind), target, pks)
            added += count
            held += [f"{kind}:{pk}" for pk in still]
    return added, held


def _add_left(table: _Table, target: str, pks: Sequence[str]) -> tuple[int, list[str]]:
    with transaction.atomic():
        lacking = table.lacking(target, these=pks)
        free = table.lock(lacking, skip=True)
        if free or not lacking:
            return table.add(target, [pk for pk in lacking if pk in free]), [pk for pk in lacking if pk not in free]
    try:
        with transaction.atomic():
            wait_briefly(connection)
            table.lock(lacking[:1])
            return table.add(target, lacking[:1]), lacking[1:]
    except OperationalError as problem:
        if not is_contention(problem):
            raise
        return 0, lacking


class _Table:
    """The objects of one kind, by their primary keys as text."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._source = Source(of_kind(kind), connection)

    def last_of_next(self, after: str | None, most: int) -> str | None:
        """The last one of so many that come after this one; None where none does."""
        source = self._source
        condition = "" if after is None else f"WHERE {source.after('u', '%s')}"
        last = self._all(
            f"SELECT CAST(pk AS text) FROM (SELECT u.{source.pk} AS pk FROM {source.table} u {condition} "
            f"ORDER BY u.{source.pk} LIMIT %s) AS handful ORDER BY handful.pk DESC LIMIT 1",
            [*([] if after is None else [after]), most],
        )
        return last[0] if last else None

    def lacking(
        self, target: str, *, between: tuple[str | None, str] | None = None, these: Sequence[str] = ()
    ) -> list[str]:
        """Those in scope that the target has no row of."""
        source, parameters = self._source, list[str]()
        if between is not None:
            first, last = between
            which = f"u.{source.pk} <= {source.typed(source.meta.pk, '%s')}"
            parameters.append(last)
            if first is not None:
                which += f" AND {source.after('u', '%s')}"
                parameters.append(first)
        else:
            which = self._among(these)
            parameters += these
        return self._all(
            f"SELECT CAST(u.{source.pk} AS text) FROM {source.table} u WHERE {which} AND {source.in_scope('u')} "
            f"AND NOT EXISTS (SELECT 1 FROM {RECORDS} s WHERE s.key = %s || {source.object_id('u')}) ORDER BY u.{source.pk}",
            [*parameters, f"{target}:{self.kind}:"],
        )

    def lock(self, pks: list[str], *, skip: bool = False) -> set[str]:
        """Those of them that are locked now: all, or with ``skip`` those that nobody holds."""
        if connection.vendor != "postgresql" or not pks:
            return set(pks)
        source = self._source
        sql = f"SELECT CAST(u.{source.pk} AS text) FROM {source.table} u WHERE {self._among(pks)} ORDER BY u.{source.pk} "
        return set(self._all(f"{sql} FOR SHARE OF u {'SKIP LOCKED' if skip else ''}", pks))

    def add(self, target: str, pks: list[str]) -> int:
        """Rows for these, those of them that are still in scope. Returns how many."""
        if not pks:
            return 0
        db, source = dialect(connection), self._source
        object_id = source.object_id("u")
        with connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO {RECORDS} (key, target, kind, object_id, wanted_key, due_at, owed_since, caused_by) "
                f"SELECT t.name || ':' || {source.kind} || ':' || {object_id}, t.name, {source.kind}, {object_id}, "
                f"{source.natural_key('u')}, {db.clock}, {db.clock}, '{MISSING}' "
                f"FROM {source.table} u JOIN {TARGETS} t ON t.name = %s AND NOT t.retired "
                f"WHERE {self._among(pks)} AND {source.in_scope('u')} ORDER BY 1 ON CONFLICT (key) DO NOTHING",
                [target, *pks],
            )
            return int(cursor.rowcount)

    def _among(self, pks: Sequence[str]) -> str:
        source = self._source
        return f"u.{source.pk} IN ({', '.join([source.typed(source.meta.pk, '%s')] * len(pks))})"

    def _all(self, sql: str, parameters: Sequence[str | int]) -> list[str]:
        with connection.cursor() as cursor:
            cursor.execute(sql, list(parameters))
            return [value for (value,) in cursor.fetchall()]
