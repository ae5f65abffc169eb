"""Rows for users that a target has none of: it was named in settings after they were saved, or rows were lost.

Triggers make every later row, so after the first pass over all users this is a slow round of a thousand
users a tick, whose cost does not grow with their number.
"""

from __future__ import annotations

import time

from django.db import connection, transaction

from thirdparty.models import Target
from users.sync.dialect import dialect
from users.sync.triggers.sql import ROWS, TARGETS, USERS

USERS_AT_ONCE = 1_000
_SWEEPING_SECONDS = 2.0


def add_missing(target: str, *, seconds: float = _SWEEPING_SECONDS) -> int:
    """Go on with the round over all users where it was left, and owe those without a row. Returns how many.

    For ``seconds`` at most in a target's first pass, or where some were missing; else one handful of users.
    """
    until = time.monotonic() + seconds
    added = 0
    while True:
        found, first_pass = _sweep_some(target)
        added += found
        if not (first_pass or found) or time.monotonic() >= until:
            return added


def begin_again(target: str) -> None:
    """The next pass begins with the first user, and stops for nothing."""
    Target.objects.filter(name=target).update(swept_to=0, swept=False)


def _sweep_some(name: str) -> tuple[int, bool]:
    """How many rows were missing among the next users, and whether the first pass still goes on."""
    db = dialect(connection)
    with transaction.atomic():
        target = Target.objects.select_for_update().filter(name=name, enabled=True).first()
        if target is None:
            return 0, False
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT max(id) FROM (SELECT id FROM {USERS} WHERE id > %s ORDER BY id LIMIT %s) AS handful",
                [target.swept_to, USERS_AT_ONCE],
            )
            (last_id,) = cursor.fetchone()
            added = 0
            if last_id is not None:
                cursor.execute(
                    f"INSERT INTO {ROWS} (key, target, user_uuid, due_at, owed_since) "
                    f"SELECT t.name || ':' || {db.hex('u.uuid')}, t.name, u.uuid, {db.clock}, {db.clock} "
                    f"FROM {USERS} u JOIN {TARGETS} t ON t.name = %s AND t.enabled "
                    "WHERE u.id > %s AND u.id <= %s AND NOT u.is_superuser AND NOT EXISTS ("
                    f"SELECT 1 FROM {ROWS} s WHERE s.key = t.name || ':' || {db.hex('u.uuid')}"
                    ") ON CONFLICT (key) DO NOTHING",
                    [name, target.swept_to, last_id],
                )
                added = cursor.rowcount
        target.swept_to = last_id or 0
        target.swept = target.swept or last_id is None
        target.save(update_fields=["swept_to", "swept"])
        return added, not target.swept
