"""Promise 7: the save never waits for the broker, dead or frozen. Only hints go there, so nothing is lost."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import transaction

from syncproject.demo.process import Process
from tests.integration.own_broker import arguments, body, queued
from thirdparty.models import Record
from thirdparty.notify import broker as broker_module
from thirdparty.notify import hints
from users.models import User
from users.synced import person

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_committed_save_publishes_one_hint_that_names_the_record_and_nothing_else(broker: Process) -> None:
    user = User.objects.create(name="张伟", phone="13800000001")
    assert arguments(broker) == [["partner", f"partner:users.user:{user.uuid.hex}", None]]
    assert "zhangwei" not in repr(queued(broker))


def test_a_hook_that_fails_in_an_unforeseen_way_reaches_neither_the_save_nor_other_hooks(
    broker: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[str] = []
    with transaction.atomic():
        monkeypatch.setattr(hints, "push_record", None)
        User.objects.create(name="Saved")
        transaction.on_commit(lambda: ran.append("another hook"))
    assert User.objects.count() == 1
    assert ran == ["another hook"]


def test_a_rolled_back_save_publishes_nothing(broker: Process) -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        User.objects.create(name="Never")
        raise RuntimeError
    assert queued(broker) == []


def test_a_deletion_and_a_role_change_publish_hints_too(broker: Process) -> None:
    from django.contrib.auth.models import Group

    user = User.objects.create(name="x")
    group = Group.objects.create(name="g")
    user.groups.add(group)
    group.user_set.remove(user)
    user.delete()
    assert len(queued(broker)) == 4


def test_one_transaction_that_touched_many_people_publishes_one_hint_for_the_target(broker: Process) -> None:
    with transaction.atomic():
        for number in range(20):
            User.objects.create(name="x", phone=str(number))
    assert [message["headers"]["task"] for message in queued(broker)] == ["thirdparty.drain"]
    assert arguments(broker)[0][0] == "partner"


def test_a_savepoint_that_was_rolled_back_takes_only_its_own_wake_along(broker: Process) -> None:
    with transaction.atomic():
        with pytest.raises(RuntimeError), transaction.atomic():
            User.objects.create(name="Never")
            raise RuntimeError
        user = User.objects.create(name="Saved")
    assert arguments(broker) == [["partner", f"partner:users.user:{user.uuid.hex}", None]]


def test_saves_in_a_hurry_are_woken_by_few_hints_and_each_by_one_that_comes_after_it(
    broker: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    queued_before: dict[str, int] = {}
    with monkeypatch.context() as hurry:  # all in one moment, however long this machine takes
        moment = time.monotonic()
        hurry.setattr(hints, "time", SimpleNamespace(monotonic=lambda: moment))
        for number in range(30):
            before = len(queued(broker))
            user = User.objects.create(name="x", phone=str(number))
            queued_before[f"partner:users.user:{user.uuid.hex}"] = before

    def unwoken() -> set[str]:
        messages = list(reversed(queued(broker)))
        tasks = [message["headers"]["task"] for message in messages]
        named = {key for _, key, *_ in map(body, messages) if key in queued_before}
        return {key for key, before in queued_before.items() if "thirdparty.drain" not in tasks[before:]} - named

    deadline = time.monotonic() + 20
    while unwoken() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert unwoken() == set()
    assert len(queued(broker)) < 30


def test_who_becomes_an_operator_is_woken_for_since_they_leave_the_targets(broker: Process) -> None:
    user = User.objects.create(name="Ada")
    before = len(queued(broker))
    user.is_superuser = True
    user.save()
    assert arguments(broker)[before:] == [["partner", person(user.uuid).key("partner"), None]]


@pytest.mark.parametrize("scheme", ["redis", "amqp"])
def test_a_refusing_broker_is_noticed_once_and_the_save_stands(use: Callable[[str], None], scheme: str) -> None:
    use(f"{scheme}://127.0.0.1:1//")
    User.objects.create(name="Saved")
    assert broker_module.publisher().down
    User.objects.create(name="Saved too")
    assert Record.objects.filter(state="pending").count() == 2


@pytest.mark.parametrize("scheme", ["redis", "amqp"])
def test_a_frozen_broker_is_noticed_once_and_the_save_stands(
    use: Callable[[str], None], scheme: str, black_hole: int
) -> None:
    use(f"{scheme}://127.0.0.1:{black_hole}//")
    User.objects.create(name="Saved")
    assert broker_module.publisher().down
    assert Record.objects.get().state == "pending"


def test_a_save_waits_for_nobody_who_does_not_find_the_brokers_name(
    use: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_up, may_answer, answered = threading.Event(), threading.Event(), threading.Event()
    look_up = socket.getaddrinfo

    def frozen(host: Any, *args: Any, **options: Any) -> Any:
        if host != "broker.invalid":
            return look_up(host, *args, **options)
        looked_up.set()
        may_answer.wait(60)
        answered.set()
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", frozen)
    use("redis://broker.invalid/0")
    User.objects.create(name="Saved")
    assert looked_up.is_set()
    assert not answered.is_set()
    assert broker_module.publisher().down
    may_answer.set()
    assert Record.objects.get().state == "pending"


def test_a_broker_frozen_in_mid_use_is_noticed(broker: Process) -> None:
    User.objects.create(name="Before")
    broker.freeze()
    User.objects.create(name="During")
    assert broker_module.publisher().down
    broker.thaw()


def test_publishing_goes_on_once_the_broker_is_back(broker: Process) -> None:
    User.objects.create(name="Before")
    broker.kill()
    User.objects.create(name="During")
    current = broker_module.publisher()
    assert current.down
    broker.restart()
    assert current.up.wait(20)
    after = User.objects.create(name="After")
    # The publisher itself asks for a reconciler's tick, and may come first or second.
    assert ["partner", f"partner:users.user:{after.uuid.hex}", None] in arguments(broker)


def test_a_save_of_nothing_that_targets_are_told_wakes_nobody(broker: Process) -> None:
    user = User.objects.create(name="x")
    user.save(update_fields=["last_login"])
    assert len(queued(broker)) == 1


def test_without_a_celery_application_a_save_publishes_nothing_and_goes_through(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(broker_module, "_app", None)
    assert broker_module.publisher().down
    user = User.objects.create(name="Saved")
    assert Record.objects.get(object_id=user.uuid.hex).state == "pending"
