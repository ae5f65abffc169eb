"""What a push costs the database's rows: a claim and the end of an attempt reach no index."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import connection

from tests import alone
from tests.integration.conftest import row_of, step
from thirdparty.decide.plan import Call
from thirdparty.models import Record
from thirdparty.models.record import State
from thirdparty.observe.counting import count_some
from thirdparty.sandbox.client import SandboxControl
from thirdparty.store import attempts
from thirdparty.store.leased import in_state
from users.models import User

pytestmark = pytest.mark.django_db

on_postgresql = pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite moves no rows")


@pytest.fixture
def edited(sandbox: SandboxControl) -> User:
    """Somebody whom the target holds, changed since."""
    user = User.objects.create(name="张伟", phone="13800000001")
    step(user)
    User.objects.filter(pk=user.pk).update(name="张伟伟")
    return user


def _heap_only(table: str, write: Callable[[], object]) -> tuple[int, int]:
    """How many rows the write changes, and how many of them in no index."""

    def so_far() -> tuple[int, int]:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_stat_get_xact_tuples_updated(%s::regclass), pg_stat_get_xact_tuples_hot_updated(%s::regclass)",
                [table, table],
            )
            return cursor.fetchone()

    before = so_far()
    write()
    return tuple(after - ago for after, ago in zip(so_far(), before, strict=True))


@on_postgresql
def test_a_claim_of_what_the_target_holds_reaches_no_index(edited: User) -> None:
    assert _heap_only("thirdparty_record", lambda: alone.claim(row_of(edited).key)) == (1, 1)


@on_postgresql
def test_the_end_of_an_attempt_reaches_no_index(edited: User) -> None:
    assert _heap_only("thirdparty_attempt", lambda: step(edited)) == (1, 1)


@on_postgresql
@pytest.mark.parametrize("table", ["thirdparty_record", "thirdparty_attempt"])
def test_pages_have_room_for_what_a_push_changes(table: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT reloptions::text FROM pg_class WHERE oid = %s::regclass", [table])
        assert "fillfactor=" in cursor.fetchone()[0]


def test_a_record_stays_due_while_it_is_leased(edited: User) -> None:
    before = row_of(edited).due_at
    assert alone.claim(row_of(edited).key)
    assert row_of(edited).due_at == before


def test_what_is_claimed_ahead_of_its_time_is_due_from_then_on(edited: User) -> None:
    ahead = row_of(edited).synced_at.replace(year=2999)
    Record.objects.update(due_at=ahead)
    assert alone.claim(row_of(edited).key, expected_due_at=ahead)
    row = row_of(edited)
    assert row.due_at < row.leased_until < ahead


def test_a_lease_from_a_clock_that_was_ahead_is_counted_too(edited: User) -> None:
    alone.claim(row_of(edited).key)
    Record.objects.update(due_at=row_of(edited).synced_at.replace(year=2999))
    assert [(tally.state, tally.count) for tally in count_some(["partner"])] == [(State.IN_FLIGHT, 1)]


def test_what_is_leased_is_found_and_counted_as_in_flight_alone(edited: User) -> None:
    lease = alone.claim(row_of(edited).key)
    attempts.open_attempts([(lease, Call.UPDATE)])
    found = {state: list(Record.objects.filter(in_state(state))) for state in State}
    assert [state for state, rows in found.items() if rows] == [State.IN_FLIGHT]
    assert [(tally.state, tally.count) for tally in count_some(["partner"])] == [(State.IN_FLIGHT, 1)]
