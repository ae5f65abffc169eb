"""Which records are leased, or in any other state: no index holds a lease, or every claim would pay for it (docs/decisions/0037)."""

from __future__ import annotations

from typing import Any

from django.db import connection
from django.db.models import Q

from thirdparty.models import Target
from thirdparty.models.record import State
from thirdparty.store.dialect import Dialect, dialect
from thirdparty.store.tables import RECORDS

LOOKED_AT = 2_000
"""So many from each end: not a million whenever somebody asks."""


def leased(db: Dialect, target: str) -> tuple[str, list[Any]]:
    """The query for ``key`` and ``leased_until`` of a target's leased records, and its parameters.

    What is leased was due when it was claimed, so it is looked for where claims begin: in what is due, from either end; and in what is
    due last of all, where it is if the database's clock was ahead then. Of a backlog of more than twice `LOOKED_AT` it may miss
    some in the middle, which somebody claimed by their keys.
    """
    of_target = f"SELECT key, leased_until, state FROM {RECORDS} WHERE target = %s"
    due, ever = f"{of_target} AND due_at <= {db.now}", f"{of_target} AND due_at IS NOT NULL"
    ends = [
        f"SELECT key, leased_until FROM ({rows} ORDER BY due_at {way}, key {way} LIMIT %s) AS looked_at WHERE state = %s"
        for rows, way in ((due, "ASC"), (due, "DESC"), (ever, "DESC"))
    ]
    return " UNION ".join(ends), [target, LOOKED_AT, State.IN_FLIGHT] * len(ends)


def in_state(state: str) -> Q:
    """Records in this state, found by an index: of what is leased, as far as `leased` finds it; all else by what it is without a lease."""
    if state != State.IN_FLIGHT:
        return Q(state=state, settled_state=state)
    keys: list[str] = []
    with connection.cursor() as cursor:
        for target in Target.objects.values_list("name", flat=True):
            cursor.execute(*leased(dialect(connection), target))
            keys += [key for key, _ in cursor.fetchall()]
    return Q(state=state, key__in=keys)
