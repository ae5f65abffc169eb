"""Statements over several records of one user lock them in the order of their keys, as a save does: no deadlock."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection, transaction

from thirdparty import targets
from users.models import User, UserSync
from users.sync import outbox
from users.sync.outbox import strict_rows

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has one writer"),
]


def _keys(user: User) -> list[str]:
    return list(UserSync.objects.filter(user_uuid=user.uuid).order_by("key").values_list("key", flat=True))


@pytest.mark.parametrize(
    "write",
    [
        lambda user: outbox.look_now(_keys(user)),
        lambda user: outbox.owe_again(_keys(user), outbox.Why(backfill=True)),
        lambda user: strict_rows.owe_undoing(user.uuid),
        lambda user: user.delete(),
        lambda user: user.groups.add(Group.objects.get()),
    ],
    ids=["look now", "owe again", "take back", "delete", "join a group"],
)
def test_the_first_record_is_locked_first(settings: Any, write: Callable[[User], object]) -> None:
    partner = settings.SYNC_TARGETS["partner"]
    settings.SYNC_TARGETS = {name: replace(partner, name=name) for name in ("partner", "saas")}
    targets.publish_rows()
    Group.objects.create(name="Sales")
    user = User.objects.create(name="张伟", phone="1")
    first, second = _keys(user)
    # Written anew, the first comes last in the table.
    row = UserSync.objects.filter(key=first).values().get()
    UserSync.objects.filter(key=first).delete()
    UserSync.objects.create(**{name: value for name, value in row.items() if name not in ("state", "may_exist")})
    UserSync.objects.update(due_at=None)
    entered = threading.Event()

    def other() -> None:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SET application_name = 'other'")
            entered.set()
            write(user)
        finally:
            connection.close()

    thread = threading.Thread(target=other)
    with transaction.atomic():
        UserSync.objects.select_for_update().get(key=first)
        thread.start()
        assert entered.wait(10)
        _until_it_waits()
        UserSync.objects.filter(key=first).update(last_error="written meanwhile")
        free = UserSync.objects.select_for_update(skip_locked=True).filter(key=second).exists()
    thread.join()
    assert free
    assert not UserSync.objects.filter(due_at=None).exists()


def _until_it_waits() -> None:
    waits = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'other' AND wait_event_type = 'Lock'"
    for _ in range(1_000):
        with connection.cursor() as cursor:
            cursor.execute(waits)
            if cursor.fetchone() == (1,):
                return
        threading.Event().wait(0.01)
    raise AssertionError("it does not wait for the first record")
