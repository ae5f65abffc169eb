"""An object that cannot be read is an obstacle of its own record: nobody behind it waits for it."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import OperationalError, ProgrammingError, connection

from tests import alone
from tests.integration.conftest import row_of
from thirdparty import store
from thirdparty.decide.lease import Terms
from thirdparty.models import Record
from thirdparty.run.drain import drain
from thirdparty.run.push import push
from thirdparty.sandbox.client import SandboxControl
from users.models import User
from users.synced import Person

pytestmark = pytest.mark.django_db
TERMS = Terms(60.0, 60.0)


@pytest.fixture
def people(sandbox: SandboxControl, settings: Any) -> list[User]:
    """Twenty that are due at once; what the first to be claimed holds since, nobody can read."""
    settings.SYNC_CHECK_READS = False
    made = User.objects.bulk_create([User(name="n", phone=str(number)) for number in range(20)])
    made.sort(key=lambda each: row_of(each).key)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE users_user SET last_login = %s WHERE id = %s",
            ["infinity" if connection.vendor == "postgresql" else "2026-13-45 00:00:00", made[0].pk],
        )
    return made


def test_all_others_are_pushed(people: list[User]) -> None:
    for _ in range(3):
        drain("partner", seconds=5)
    assert set(Record.objects.exclude(key=row_of(people[0]).key).values_list("state", flat=True)) == {"synced"}


def test_its_own_record_says_why_and_waits_longer_each_time(people: list[User]) -> None:
    push("partner", row_of(people[0]).key)
    row = row_of(people[0])
    assert row.state == "pending"
    assert (row.failed_tries, row.cause) == (1, "crashed")
    assert "DataError" in row.last_error or "ValueError" in row.last_error


def test_where_the_database_is_not_to_be_had_nobody_is_at_fault(
    sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise OperationalError("gone away")

    ada = User.objects.create(name="Ada", phone="1")
    monkeypatch.setattr(Person, "load", broken)
    with pytest.raises(OperationalError, match="gone away"):
        push("partner", row_of(ada).key)
    row = row_of(ada)
    assert (row.state, row.failed_tries, row.lease_token, row.cause) == ("pending", 0, None, "")


def test_what_none_can_be_read_for_is_nobodys_fault(people: list[User], monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: Any, **__: Any) -> Any:
        raise ProgrammingError("permission denied for table users_user")

    monkeypatch.setattr(Person, "load", forbidden)
    with pytest.raises(ProgrammingError):
        drain("partner", seconds=5)
    assert set(Record.objects.values_list("crashes", "cause", "state")) == {(0, "", "pending")}


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="PostgreSQL takes no text that is none")
def test_a_text_that_is_none_holds_up_nobody_though_the_database_calls_it_operational(
    sandbox: SandboxControl, settings: Any
) -> None:
    settings.SYNC_CHECK_READS = False
    made = User.objects.bulk_create([User(name="n", phone=str(number)) for number in range(20)])
    with connection.cursor() as cursor:
        cursor.execute("UPDATE users_user SET name = CAST(x'41ff42' AS TEXT) WHERE id = %s", [made[0].pk])
    for _ in range(3):
        drain("partner", seconds=5)
    assert set(Record.objects.exclude(key=row_of(made[0]).key).values_list("state", flat=True)) == {"synced"}
    assert (row_of(made[0]).crashes > 0, row_of(made[0]).cause) == (True, "crashed")


# What is given back.


def test_what_is_given_back_goes_behind_what_people_wait_for(sandbox: SandboxControl) -> None:
    ada = User.objects.create(name="Ada", phone="1")
    lease = alone.claim(row_of(ada).key)
    assert lease is not None
    store.release([lease])
    bob = User.objects.create(name="Bob", phone="2")
    assert [each.key for each in store.claim_due("partner", 1, TERMS)] == [row_of(bob).key]


def test_what_was_edited_meanwhile_is_due_at_once(sandbox: SandboxControl) -> None:
    ada = User.objects.create(name="Ada", phone="1")
    lease = alone.claim(row_of(ada).key)
    assert lease is not None
    User.objects.filter(pk=ada.pk).update(name="Ada L")
    store.release([lease])
    row = row_of(ada)
    assert row.due_at is not None
    assert (row.lease_token, row.due_at.year) == (None, 1970)
