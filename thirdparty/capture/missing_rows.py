"""Rows for users that a target has none of: it was named in settings after they were saved, or rows were lost.

Triggers make every later row, so after the first pass over all users this is a slow round of a thousand
users a tick, whose cost does not grow with their number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import OperationalError, connection, transaction

from thirdparty.capture.triggers.sql import USERS
from thirdparty.store.contention import is_contention, wait_briefly, within_reach
from thirdparty.store.dialect import dialect
from thirdparty.store.tables import RECORDS, TARGETS


@dataclass(frozen=True, slots=True)
class Swept:
    """Some users further: so many lacked a row, up to the id ``to``; None where there are no more.

    ``left``: those up to there without a row whom somebody held, for `add_left`. ``to`` is where it began, if no more
    may be left.
    """

    added: int
    to: int | None
    left: tuple[int, ...] = ()


def add_next(target: str, after: int, most: int, *, most_left: int) -> Swept:
    """Owe those of the next users that the target has no row of, without those whom somebody holds.

    Whoever edits one of them has a row of theirs that is not committed, and an insert would wait for that with the rows
    of all the others in its hands. So users are locked first, as an edit does, and those who are not free are left out.
    """
    with transaction.atomic():
        last = _last_of_next(after, most)
        if last is None:
            return Swept(0, None)
        lacking = _lacking(target, "u.id > %s AND u.id <= %s", [after, last])
        free = _lock(lacking, skip=True)
        within, held = within_reach(lacking, free, most_left)
        added = _add(target, [each for each in within if each in free])
        if len(within) < len(lacking):
            last = within[-1] if within else after
        return Swept(added, last, tuple(held))


def add_left(target: str, ids: Sequence[int]) -> tuple[int, list[int]]:
    """`add_next` for those users who were left out and are free now. Returns how many, and who is held still.

    If none is free, the first is waited for alone: whoever is edited again and again is never seen free.
    """
    these = f"u.id IN ({', '.join(['%s'] * len(ids))})"
    with transaction.atomic():
        lacking = _lacking(target, these, ids)
        free = _lock(lacking, skip=True)
        if free or not lacking:
            return _add(target, sorted(free)), [each for each in lacking if each not in free]
    try:
        with transaction.atomic():
            wait_briefly(connection)
            _lock(lacking[:1])
            return _add(target, lacking[:1]), lacking[1:]
    except OperationalError as problem:
        if not is_contention(problem):
            raise
        return 0, lacking


def _last_of_next(after: int, most: int) -> int | None:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT max(id) FROM (SELECT id FROM {USERS} WHERE id > %s ORDER BY id LIMIT %s) AS handful",
            [after, most],
        )
        (last,) = cursor.fetchone()
    return None if last is None else int(last)


def _lacking(target: str, which: str, parameters: Sequence[int]) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT u.id FROM {USERS} u WHERE {which} AND NOT u.is_superuser AND NOT EXISTS ("
            f"SELECT 1 FROM {RECORDS} s WHERE s.key = %s || ':users.user:' || {dialect(connection).hex('u.uuid')}) ORDER BY u.id",
            [*parameters, target],
        )
        return [int(user_id) for (user_id,) in cursor.fetchall()]


def _lock(ids: list[int], *, skip: bool = False) -> set[int]:
    if connection.vendor != "postgresql" or not ids:
        return set(ids)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT id FROM {USERS} WHERE id = ANY(%s) ORDER BY id FOR SHARE {'SKIP LOCKED' if skip else ''}", [ids]
        )
        return {int(user_id) for (user_id,) in cursor.fetchall()}


def _add(target: str, ids: list[int]) -> int:
    if not ids:
        return 0
    db = dialect(connection)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {RECORDS} (key, target, kind, object_id, wanted_key, due_at, owed_since) "
            f"SELECT t.name || ':users.user:' || {db.hex('u.uuid')}, t.name, 'users.user', {db.hex('u.uuid')}, u.username, "
            f"{db.clock}, {db.clock} "
            f"FROM {USERS} u JOIN {TARGETS} t ON t.name = %s AND NOT t.retired "
            f"WHERE u.id IN ({', '.join(['%s'] * len(ids))}) AND NOT u.is_superuser ORDER BY 1 "
            "ON CONFLICT (key) DO NOTHING",
            [target, *ids],
        )
        return int(cursor.rowcount)
