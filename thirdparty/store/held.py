"""What people let go, or leave as it is, of what the brake holds. Each is one conditional statement, as in `thirdparty.store.owing`."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from django.db import connection
from django.db.models import F, Q

from thirdparty.decide.brake import HELD_BY_BRAKE
from thirdparty.models import Brake, BrakeEntry, Record, Target
from thirdparty.models.record import REJECTED_BY_PERSON, State
from thirdparty.store.dialect import dialect
from thirdparty.store.tables import RECORDS


def release(keys: Sequence[str]) -> list[str]:
    """These records, which the caller has locked, may go as they are wanted now: due at once. Returns which.

    Of this generation only: whatever changes them afterwards asks anew.
    """
    db = dialect(connection)
    return _update(
        keys,
        f"released_generation = generation, due_at = CASE WHEN parked = '{HELD_BY_BRAKE}' THEN {db.clock} ELSE due_at END, "
        "parked = '', last_error = ''",
        f"parked IN ('', '{HELD_BY_BRAKE}')",
    )


def reject(keys: Sequence[str], said: str) -> list[str]:
    """These records, which the caller has locked, stay as they are, here and at the target. Returns which.

    They owe nothing until they are changed again. One that a worker holds is not touched. ``said``: who decided so, and why.
    """
    return _update(
        keys,
        f"parked = '{REJECTED_BY_PERSON}', due_at = NULL, owed_since = NULL, waits_for = NULL, held_by = NULL, last_error = %s",
        f"parked IN ('', '{HELD_BY_BRAKE}') AND lease_token IS NULL",
        f"{REJECTED_BY_PERSON}: {said}"[:300],
    )


def being_held(target: str) -> bool:
    """Whether a record of this target that was stopped is yet to be held.

    A worker that was told so has yet to write that down; or the record is looked at once more before that: an earlier
    request of it is unanswered, or it was edited meanwhile.
    """
    stopped = Record.objects.filter(key__in=BrakeEntry.objects.filter(target=target, held=True).values("record"))
    owed = Q(synced_generation__lt=F("generation"))
    let_go = Q(released_generation__isnull=False, released_generation=F("generation"))
    return stopped.filter(Q(lease_token__isnull=False) | owed & ~let_go, parked="").exists()


def still_released(keys: Collection[str]) -> set[str]:
    """Those of these records that nobody has changed since a person let them go."""
    return set(Record.objects.filter(key__in=keys, released_generation=F("generation")).values_list("key", flat=True))


def wake(limit: int) -> int:
    """Have those records asked about again that are held though their target's brake is off. Returns how many.

    A worker that asked just before a person released all of them held one just after.
    """
    db = dialect(connection)
    latched = Brake.objects.filter(latched_at__isnull=False).values("target")
    woken = 0
    for target in Target.objects.exclude(name__in=latched).values_list("name", flat=True):
        with connection.cursor() as cursor:
            cursor.execute(
                f"UPDATE {RECORDS} SET parked = '', due_at = {db.clock} WHERE key IN (SELECT key FROM {RECORDS} "
                f"WHERE target = %s AND settled_state = '{State.HELD}' ORDER BY key LIMIT %s {db.skip_locked})",
                [target, limit],
            )
            woken += int(cursor.rowcount)
    return woken


def _update(keys: Sequence[str], changes: str, condition: str, *parameters: str) -> list[str]:
    if not keys:
        return []
    marks = ", ".join(["%s"] * len(keys))
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {RECORDS} SET {changes} WHERE key IN ({marks}) AND {condition} RETURNING key",
            [*parameters, *keys],
        )
        return [key for (key,) in cursor.fetchall()]
