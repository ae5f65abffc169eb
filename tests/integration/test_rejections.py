"""What a person rejected at the brake differs on purpose: nothing but a person or a newer edit of that object lifts it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from django.contrib.auth import get_user_model

from tests.integration.braking import people, states, work
from tests.integration.conftest import row_of
from thirdparty import store
from thirdparty.capture import catch_up
from thirdparty.decisions import brake as decisions
from thirdparty.decisions.look_now import look_now
from thirdparty.models import Record
from thirdparty.sandbox.client import SandboxControl
from thirdparty.store import references
from thirdparty.tasks import run_reconcile
from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)
KIND = "users.user"
Statement = Callable[[Sequence[str]], object]


@pytest.fixture(autouse=True)
def _low_floor(sandbox: SandboxControl, settings: Any) -> None:
    settings.SYNC_BRAKE_MIN = 2
    settings.SYNC_BRAKE_PERCENT = 1


@pytest.fixture
def operator() -> Any:
    return get_user_model().objects.create_superuser(username="olga", password="x", phone="1")


@pytest.fixture
def rejected(operator: Any) -> list[User]:
    """People who were emptied of their address by mistake, which a person has rejected."""
    catch_up.go_on("partner", seconds=30)
    made = people(5)
    User.objects.filter(pk__in=[user.pk for user in made]).update(email="", phone="", name="")
    work()
    decisions.reject("partner", by=operator, reason="a wrong query")
    assert states()["rejected"] == 5
    return made


def stands(user: User) -> bool:
    row = row_of(user)
    return (row.state, row.due_at, row.owed_since) == ("rejected", None, None)


STATEMENTS: dict[str, Statement] = {
    "a raised version": lambda keys: store.owe_again(keys, store.Why(raised=(KIND,))),
    "changes that may have gone unrecorded": lambda keys: store.owe_again(keys, store.Why(unrecorded=True)),
    "both": lambda keys: store.owe_again(keys, store.Why(unrecorded=True, raised=(KIND,))),
    "a backfill": lambda keys: store.owe_again(keys, store.Why(backfill=True)),
    "a result without a lease": store.repair,
    "a target that is well again": lambda keys: [store.unpark(key, "invalid") for key in keys],
    "records at fault that may be tried again": store.bring_forward,
    "a brake that is off": lambda _: store.held.wake(100),
    "references that have changed": references.release,
    "the reconciler": lambda _: run_reconcile(),
}


@pytest.mark.parametrize("what", STATEMENTS)
def test_a_rejection_stands_against(rejected: list[User], sandbox: SandboxControl, what: str) -> None:
    before = sandbox.users()
    STATEMENTS[what]([row_of(user).key for user in rejected])
    work()
    assert all(map(stands, rejected))
    assert sandbox.users() == before


def test_a_rejection_stands_where_the_target_gives_the_records_id_to_another(sandbox: SandboxControl) -> None:
    sandbox.backup()
    [old] = people(1)
    sandbox.restore()
    Record.objects.update(parked="rejected", due_at=None, owed_since=None)

    newcomer = User.objects.create(name="New", phone="13900000000", email="n@x.example")
    work()

    assert row_of(newcomer).remote_id == "r1"
    assert row_of(old).remote_id is None
    assert stands(old)


def test_a_newer_edit_lifts_it(rejected: list[User]) -> None:
    first, *_ = rejected
    User.objects.filter(pk=first.pk).update(name="Edited", phone="13811111111", email="e@x.example")
    work()
    assert row_of(first).state == "synced"
    assert states()["rejected"] == 4


def test_a_person_lifts_it(rejected: list[User], operator: Any) -> None:
    first, *_ = rejected
    look_now(Record.objects.filter(key=row_of(first).key), by=operator)
    assert row_of(first).state == "pending"


@pytest.mark.parametrize("why", [store.Why(unrecorded=True), store.Why(backfill=True)], ids=str)
def test_an_object_that_went_without_a_record_of_it_lifts_it(rejected: list[User], why: store.Why) -> None:
    first, *_ = rejected
    key = row_of(first).key
    first.delete()
    Record.objects.filter(key=key).update(deleted=False, parked="rejected", due_at=None, owed_since=None)

    store.owe_again([key], why)

    row = Record.objects.get(key=key)
    assert (row.deleted, row.parked) == (True, "")
