"""Abstract rows as real ones, and back: what `tests.chaos.test_model_matches_sql` compares."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from django.db import connection
from django.utils import timezone

from tests.chaos.model.decision import USERNAMES, key_of, number, text
from tests.chaos.model.row import Due, LeaseIs, Row, Window
from tests.chaos.model.uses import USE
from thirdparty import store
from thirdparty.decide.lease import Lease
from thirdparty.decide.plan import Call
from thirdparty.declaration import of_kind
from thirdparty.models import Attempt, Record, Ref
from thirdparty.models.record import EPOCH, REJECTED_BY_PERSON
from thirdparty.store.tables import RECORDS, REFERENCES

USERNAME = "shared"
TOKEN = "t" * 32
TOKENS = (TOKEN, "u" * 32)
COMPANION = Ref(USE.kind, USE.companion_id).key(USE.target)
LEASE_SECONDS = 2_000.0
VISIBILITY_SECONDS = 1_000.0
DELAY_SECONDS = 300.0
STAYS = timedelta(days=30)
"""So long what has left stays, where it is deleted then."""
_TRUNCATED_EACH = 100
_PUTS = count()
_SOON = timedelta(seconds=2)
_INDEX = {key_of(index): index for index in (0, 1)} | {None: -1}


def put(row: Row, *, has_user: bool, window_seconds: float = 5_000.0) -> None:
    """Make the database hold just this row, and its user if there is to be one.

    ``window_seconds``: when an open window ends.
    """
    USE.put(USERNAME, exists=has_user)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql" and next(_PUTS) % _TRUNCATED_EACH == 0:
            # In one transaction nothing clears away what is deleted, and thousands of dead rows slow every statement; but a
            # TRUNCATE costs as much as a hundred of them.
            cursor.execute(f"TRUNCATE {store.ATTEMPTS}, {RECORDS}, {REFERENCES}")
        else:
            cursor.execute(f"DELETE FROM {store.ATTEMPTS}")
            cursor.execute(f"DELETE FROM {RECORDS}")
            cursor.execute(f"DELETE FROM {REFERENCES}")
    put_row(row, window_seconds=window_seconds)


def put_row(row: Row, *, index: int = 0, window_seconds: float = 5_000.0) -> None:
    """Make the database hold this row, too; that of index 0 has the username `USERNAME`."""
    now = timezone.now()
    times: dict[str, datetime | None] = {
        "none": None, "free": None, "now": EPOCH, "later": now + timedelta(seconds=9_000),
        "open": now + timedelta(seconds=window_seconds), "over": now - timedelta(seconds=100),
        "held": now + timedelta(seconds=4_000), "expired": now - timedelta(seconds=50),
    }  # fmt: skip
    leased_until, unknown_until = times[row.lease], times[row.recheck]
    leased = row.lease != "free"
    Record.objects.create(
        key=key_of(index), target=USE.target, kind=USE.kind, object_id=USE.object_ids[index], wanted_key=USERNAME, generation=row.generation, synced_generation=row.synced,
        deleted=row.deleted, owed_since=now if _is_owed(row.synced, row.generation, row.parked) else None,
        due_at=unknown_until if row.due == "recheck" else times[row.due],
        lease_token=TOKENS[index] if leased else None, leased_until=leased_until, unknown_until=unknown_until,
        remote_id=text(row.remote_id), natural_key=USERNAMES[index or row.login] if row.named else "",
        former_key=USERNAMES[row.former] if row.former >= 0 else "", adopted=row.adopted,
        add_key=None if leased and row.doing == Call.ADD else text(row.add_key), parked=row.parked, failed_tries=row.failed_tries, crashes=row.crashes,
        look_first=row.look_first, no_progress=row.no_progress, no_progress_generation=row.generation,
        released_generation=row.generation if row.released else None,
        left_at={"": None, "stays": now, "over": now - 2 * STAYS}[row.left],
        waits_for=key_of(row.waits_for) if row.waits_for >= 0 else None, held_by=key_of(row.held_by) if row.held_by >= 0 else None,
    )  # fmt: skip
    if leased and row.doing:
        Attempt.objects.create(
            record_id=key_of(index), lease_token=TOKENS[index], call=row.doing, generation=row.generation, started_at=now,
            idempotency_key=text(row.add_key) or "" if row.doing == Call.ADD else "",
        )  # fmt: skip


def put_other(**facts: Any) -> None:
    """Another row of the target, whose user is of no matter."""
    Record.objects.create(
        **({"key": key_of(1), "target": USE.target, "kind": USE.kind, "object_id": USE.object_ids[1]} | facts)
    )


def put_companion() -> Lease:
    """A record in order that shares the statements of the row, leased already; its lease."""
    put_other(
        key=COMPANION, kind=USE.kind, object_id=USE.companion_id, generation=1, due_at=EPOCH,
        lease_token="c" * 32, leased_until=timezone.now() + timedelta(seconds=4_000),
    )  # fmt: skip
    row = Record.objects.get(key=COMPANION)
    return Lease(
        key=COMPANION, target=USE.target, kind=row.kind, object_id=row.object_id, external_id=of_kind(row.kind).external_id(row.object_id), token="c" * 32, expires=0.0, generation=1,
        deleted=False, remote_id=None, natural_key="", adopted="", add_key=None, in_doubt=False,
        window_over=False, failed_tries=0, crashes=0, look_first=False, no_progress=0,
    )  # fmt: skip


def seen(index: int = 0) -> Row:
    """The row as the database holds it now."""
    row = Record.objects.get(key=key_of(index))
    now = datetime.now(UTC)
    attempt = None
    if row.lease_token is not None:
        attempt = Attempt.objects.filter(record=row, lease_token=row.lease_token, finished_at=None).first()
    owed = _is_owed(row.synced_generation, row.generation, row.parked)
    assert (row.owed_since is not None) == owed, "owed_since"
    assert (row.lease_token is None) == (row.leased_until is None), "lease"
    login = USERNAMES.index(row.natural_key) if row.natural_key and not index else 0
    found = Row(
        generation=row.generation,
        synced=row.synced_generation,
        deleted=row.deleted,
        due=_due(row, now),
        lease=_lease(row, now),
        doing=attempt.call if attempt is not None else "",
        recheck=_window(row, now),
        remote_id=number(row.remote_id),
        named=row.natural_key == USERNAMES[index or login],
        login=login,
        former=USERNAMES.index(row.former_key) if row.former_key else -1,
        # While an add is under way its key is the attempt's.
        add_key=number(attempt.idempotency_key if attempt is not None and attempt.call == Call.ADD else row.add_key),
        adopted=row.adopted,
        parked=row.parked,
        failed_tries=row.failed_tries,
        crashes=row.crashes,
        look_first=row.look_first,
        no_progress=row.no_progress if row.no_progress_generation == row.generation else 0,
        waits_for=_INDEX[row.waits_for],
        held_by=_INDEX[row.held_by],
        released=row.released_generation == row.generation,
        left="" if row.left_at is None else "over" if row.left_at <= now - STAYS else "stays",
    )
    assert row.may_exist == found.may_exist, "may_exist"
    return found


def _is_owed(synced: int, generation: int, parked: str) -> bool:
    """What a person rejected is not waited for."""
    return synced < generation and parked != REJECTED_BY_PERSON


def _due(row: Record, now: datetime) -> Due:
    if row.due_at is None:
        return "none"
    # Two expressions of one statement may read the clock twice.
    if row.unknown_until is not None and abs(row.due_at - row.unknown_until) < _SOON:
        return "recheck"
    return "now" if row.due_at <= now + _SOON else "later"


def _lease(row: Record, now: datetime) -> LeaseIs:
    if row.leased_until is None:
        return "free"
    return "held" if row.leased_until > now else "expired"


def _window(row: Record, now: datetime) -> Window:
    if row.unknown_until is None:
        return "none"
    return "open" if row.unknown_until > now else "over"
