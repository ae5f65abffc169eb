"""Waiting for the targets: the push runs in the request, and the answer is what is true."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.conftest import converge, effects, held_records, row_of, step, wanted_records
from thirdparty.models import Attempt, Record
from thirdparty.notify import hints
from thirdparty.sandbox.client import SandboxControl
from users import consistency
from users.consistency import Consistency, Mode
from users.models import User
from users.synced import person

pytestmark = pytest.mark.django_db(transaction=True)
WAIT = Consistency(Mode.WAIT, 10.0)
ZHANG = {"name": "张伟", "phone": "13800000001"}


@pytest.fixture(autouse=True)
def _short_pauses(settings: Any) -> None:
    settings.SYNC_WAIT_PAUSE_SECONDS = 0.05


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The keys that were woken."""
    keys: list[str] = []
    monkeypatch.setattr(hints, "push_record", lambda _target, key, _due_at=None: bool(keys.append(key)) or True)
    return keys


def test_a_create_that_waits_ends_with_the_record_at_the_target_and_wakes_nobody(
    sandbox: SandboxControl, published: list[str]
) -> None:
    written = consistency.create(ZHANG, consistency=WAIT)
    assert written.level
    assert held_records(sandbox) == wanted_records()
    # A thread of an earlier test that waited longer than its test may wake another record.
    assert Record.objects.get().key not in published


def test_an_update_and_a_delete_that_wait_reach_the_target(sandbox: SandboxControl) -> None:
    user_uuid = consistency.create(ZHANG, consistency=WAIT).user_uuid
    assert consistency.update(user_uuid, {"name": "李娜"}, consistency=WAIT).level
    assert held_records(sandbox) == wanted_records()
    assert consistency.delete(user_uuid, consistency=WAIT).level
    assert sandbox.users() == []


def test_what_passes_is_tried_again_in_the_request(sandbox: SandboxControl) -> None:
    sandbox.faults(busy=True, only={"first": 2})
    assert consistency.create(ZHANG, consistency=WAIT).level
    assert [attempt.outcome for attempt in Attempt.objects.order_by("id")] == ["transient", "transient", "ok"]


def test_a_target_that_stays_busy_leaves_the_change_saved_and_owed_and_wakes_a_worker(
    sandbox: SandboxControl, published: list[str]
) -> None:
    sandbox.faults(busy=True)
    written = consistency.create(ZHANG, consistency=WAIT)
    assert not written.level
    assert Attempt.objects.count() == 3
    row = Record.objects.get()
    assert (row.state, published) == ("pending", [row.key])
    sandbox.faults()
    converge()
    assert held_records(sandbox) == wanted_records()


def test_a_refusal_is_final_and_the_change_stays(sandbox: SandboxControl) -> None:
    sandbox.faults(invalid=True)
    written = consistency.create(ZHANG, consistency=WAIT)
    assert not written.level
    assert Attempt.objects.count() == 1
    assert row_of(User.objects.get()).state == "parked"


def test_a_call_longer_than_the_wait_is_settled_without_the_caller(sandbox: SandboxControl) -> None:
    sandbox.faults(latency_seconds=0.6)
    began = time.monotonic()
    written = consistency.create(ZHANG, consistency=Consistency(Mode.WAIT, 0.2))
    assert not written.level
    assert time.monotonic() - began < 0.6
    assert _becomes(lambda: row_of(User.objects.get()).state == "synced")
    assert effects(sandbox) == ["created"]


def test_where_a_worker_was_first_the_request_watches(sandbox: SandboxControl) -> None:
    user = User.objects.create(**ZHANG)
    sandbox.faults(latency_seconds=0.3)
    from concurrent.futures import ThreadPoolExecutor

    from django.db import connections

    def work() -> None:
        step(user)
        connections.close_all()

    with ThreadPoolExecutor(1) as worker:
        worker.submit(work)
        assert _becomes(lambda: row_of(user).state == "in_flight")
        from thirdparty.consistency.wait import follow

        assert follow(person(user.uuid), within_seconds=10.0)
    assert effects(sandbox) == ["created"]


def test_dying_between_the_commit_and_the_push_costs_a_tick(
    sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def die(*_: Any, **__: Any) -> bool:
        raise Killed

    monkeypatch.setattr(consistency, "follow", die)
    with pytest.raises(Killed):
        consistency.create(ZHANG, consistency=WAIT)
    converge()
    assert held_records(sandbox) == wanted_records()


def _becomes(true: Callable[[], bool], within_seconds: float = 10.0) -> bool:
    deadline = time.monotonic() + within_seconds
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
