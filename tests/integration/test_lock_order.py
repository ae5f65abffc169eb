"""Statements over several records of one user lock them in the order of their keys, as a save does: no deadlock."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection, transaction

from thirdparty import store, targets
from thirdparty.models import Record
from thirdparty.protect import GuardDecision
from thirdparty.run import guard_decision
from thirdparty.store import contention, strict_rows
from users.models import User
from users.synced import person

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has one writer"),
]


def _keys(user: User) -> list[str]:
    return list(Record.objects.filter(object_id=user.uuid.hex).order_by("key").values_list("key", flat=True))


@pytest.fixture
def patient(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits briefly waits for as long as a test may take."""
    settings.SYNC_DATABASE_TIMEOUT_SECONDS = 60
    monkeypatch.setattr(contention, "_BRIEF_SECONDS", 60.0)


@pytest.mark.parametrize(
    "write",
    [
        lambda user: store.look_now(_keys(user)),
        lambda user: store.owe_again(_keys(user), store.Why(backfill=True)),
        lambda user: strict_rows.owe_undoing(person(user.uuid)),
        lambda user: user.delete(),
        lambda user: user.groups.add(Group.objects.get()),
    ],
    ids=["look now", "owe again", "take back", "delete", "join a group"],
)
def test_the_first_record_is_locked_first(settings: Any, patient: None, write: Callable[[User], object]) -> None:
    partner = settings.SYNC_TARGETS["partner"]
    settings.SYNC_TARGETS = {name: replace(partner, name=name) for name in ("partner", "saas")}
    targets.publish_rows()
    Group.objects.create(name="Sales")
    user = User.objects.create(name="张伟", phone="1")
    first, second = _keys(user)
    # Written anew, the first comes last in the table.
    row = Record.objects.filter(key=first).values().get()
    Record.objects.filter(key=first).delete()
    Record.objects.create(
        **{name: value for name, value in row.items() if name not in ("state", "settled_state", "may_exist")}
    )
    Record.objects.update(due_at=None)
    with transaction.atomic():
        Record.objects.select_for_update().get(key=first)
        thread = _other(lambda: write(user))
        _until_it_waits()
        Record.objects.filter(key=first).update(last_error="written meanwhile")
        free = Record.objects.select_for_update(skip_locked=True).filter(key=second).exists()
    thread.join()
    assert free
    assert not Record.objects.filter(due_at=None).exists()


@pytest.mark.parametrize(
    "bulk",
    [
        store.look_now,
        lambda keys: guard_decision.apply_to_others(GuardDecision(unparked=tuple(keys), unparked_for="invalid")),
    ],
    ids=["look now", "unpark"],
)
def test_no_record_is_held_while_another_ones_holder_is_waited_for(
    patient: None, bulk: Callable[[list[str]], object]
) -> None:
    targets.publish_rows()
    users = [User.objects.create(name="张伟", phone=phone) for phone in "12"]
    Record.objects.update(parked="invalid", due_at=None)
    first, last = (Record.objects.get(key=key) for key in sorted(key for user in users for key in _keys(user)))
    with transaction.atomic():
        User.objects.get(uuid=last.object_id).delete()
        thread = _other(lambda: bulk([first.key, last.key]))
        _until_it_waits()
        User.objects.select_for_update(nowait=True).get(uuid=first.object_id)
        row = Record.objects.select_for_update(nowait=True).get(key=first.key)
        transaction.set_rollback(True)
    thread.join()
    assert not row.parked
    assert not Record.objects.exclude(parked="").exists()


def test_a_person_who_edits_in_another_order_is_not_sacrificed_to_those_who_look_now(patient: None) -> None:
    targets.publish_rows()
    for phone in "12":
        User.objects.create(name="张伟", phone=phone)
    first, last = Record.objects.order_by("key")
    Record.objects.update(parked="invalid", due_at=None)
    with transaction.atomic():
        User.objects.filter(uuid=last.object_id).update(name="Edited")
        thread = _other(lambda: store.look_now([first.key, last.key]))
        _until_it_waits()
        User.objects.filter(uuid=first.object_id).update(name="Edited")
    thread.join()
    assert User.objects.filter(name="Edited").count() == 2
    assert not Record.objects.exclude(parked="").exists()


def _other(call: Callable[[], object]) -> threading.Thread:
    """Make this call in a session named ``other``."""
    entered = threading.Event()

    def run() -> None:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SET application_name = 'other'")
            entered.set()
            call()
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    assert entered.wait(10)
    return thread


def _until_it_waits() -> None:
    waits = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'other' AND wait_event IN ('transactionid', 'tuple') AND datname = current_database()"
    for _ in range(1_000):
        with connection.cursor() as cursor:
            cursor.execute(waits)
            if cursor.fetchone() == (1,):
                return
        threading.Event().wait(0.01)
    raise AssertionError("it does not wait for the first record")
