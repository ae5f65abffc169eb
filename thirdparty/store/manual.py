"""The state changes that people make to records (`thirdparty.decisions.compensation`). Each is one conditional statement, as in `thirdparty.store.owing`.

Each holds only against the generation that the person saw, and while no worker holds the record; none forgets that an
unanswered request may still take effect (``unknown_until``): the record is read back as any other. A link that the
target was not asked about for the decision is read back before anything is written under it (PROTOCOL 7).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import connection

from thirdparty.models.record import State
from thirdparty.store.current import is_current
from thirdparty.store.dialect import Dialect, dialect
from thirdparty.store.tables import RECORDS

BY_HAND = "by hand"


@dataclass(frozen=True, slots=True)
class RemoteLink:
    """What a row says of its remote record: ``remote_id`` None for none, ``add_key`` of an add that is unanswered.

    ``look_first``: the target was not asked whose record it is, so it is before anything is written to it.
    """

    remote_id: str | None
    natural_key: str
    adopted: str
    add_key: str | None
    look_first: bool


def retry(key: str, *, seen: int) -> bool:
    """A person asks: look now, parked or not, level or not. False when the record has moved on since ``seen``."""
    db = dialect(connection)
    raised = "generation + CASE WHEN synced_generation < generation THEN 0 ELSE 1 END"
    return _by_hand(key, seen, _pushed_anew(db, raised), [], f"AND state <> '{State.DELETED}'")


def overwrite(key: str, *, seen: int) -> bool:
    """A person asks: bring the record to our values once more, whatever the target holds. As `retry`."""
    return _by_hand(key, seen, _pushed_anew(dialect(connection)), [])


def adopt(key: str, link: RemoteLink, *, seen: int) -> bool:
    """A person says whose remote record it is: link it, and push our values to it. As `retry`.

    Raises `IntegrityError` where another row has it.
    """
    db = dialect(connection)
    return _by_hand(key, seen, f"{_link(db)}, {_owed_at_once(db)}", _linked(link))


def settle(key: str, link: RemoteLink, *, seen: int) -> bool:
    """A person says that it is right at the target: nothing is owed. As `retry`; raises as `adopt`.

    An add that is unanswered all the same is looked for.
    """
    db = dialect(connection)
    return _by_hand(
        key,
        seen,
        f"{_link(db)}, synced_generation = generation, owed_since = NULL, "
        f"due_at = COALESCE(unknown_until, CASE WHEN %s = 1 THEN {db.epoch} END), "
        f"parked = '', failed_tries = 0, crashes = 0, last_error = '', cause = '', failing_since = NULL, left_at = NULL, "
        f"synced_at = {db.clock}",
        [*_linked(link), int(link.add_key is not None)],
        f"AND {is_current(db)}",  # what this process showed them may be right by an older declaration only
    )


def take_question(key: str, seconds: float) -> bool:
    """Have the record's target asked what it holds; False where somebody has, less than so many seconds ago.

    Waits for nobody who writes the row: it is not asked then either.
    """
    db = dialect(connection)
    # A moment ahead of the clock is of a clock that was set back, and holds nobody up.
    lately = f"asked_at BETWEEN {db.after()} AND {db.clock}"
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {RECORDS} SET asked_at = {db.clock} WHERE key IN (SELECT key FROM {RECORDS} "
            f"WHERE key = %s AND (asked_at IS NULL OR NOT {lately}) {db.skip_locked})",
            [key, -seconds],
        )
        return bool(cursor.rowcount)


def _link(db: Dialect) -> str:
    look_first = f"CASE WHEN %s = 1 THEN {db.true} ELSE {db.false} END"
    return (
        "sent = CASE WHEN remote_id = %s THEN sent END, "
        # The other one of two is kept for as long as an unanswered request may still give it to the record.
        "former_key = CASE WHEN former_key = '' OR natural_key = %s THEN former_key ELSE natural_key END, "
        f"remote_id = %s, natural_key = %s, adopted = %s, add_key = %s, look_first = {look_first}"
    )


def _linked(link: RemoteLink) -> list[Any]:
    return [
        link.remote_id,
        link.natural_key,
        link.remote_id,
        link.natural_key,
        link.adopted,
        link.add_key,
        int(link.look_first),
    ]


def _pushed_anew(db: Dialect, generation: str = "generation + 1") -> str:
    # It may have been acknowledged, or parked, long ago: the id may be somebody else's by now.
    looks = f"look_first = CASE WHEN remote_id IS NULL THEN look_first ELSE {db.true} END"
    return f"{_owed_at_once(db, generation)}, {looks}"


def _owed_at_once(db: Dialect, generation: str = "generation + 1") -> str:
    return (
        f"generation = {generation}, owed_since = COALESCE(owed_since, {db.clock}), due_at = {db.epoch}, parked = '', "
        "no_progress = 0"
    )


def _by_hand(key: str, seen: int, changes: str, parameters: list[Any], further: str = "") -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {RECORDS} SET {changes} WHERE key = %s AND lease_token IS NULL AND generation = %s {further}",
            [*parameters, key, seen],
        )
        return bool(cursor.rowcount)
