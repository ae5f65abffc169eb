"""The drain: many records at once, with the same promises as one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from tests.integration.conftest import at_once, held_records, row_of, wanted_records
from thirdparty import protect, store, targets
from thirdparty.connectors.errors import OutcomeUnknown
from thirdparty.connectors.landcloud.connector import LandcloudConnector
from thirdparty.decide.lease import Terms
from thirdparty.decide.result import FinishedStep, Next, Outcome, StepResult
from thirdparty.declaration import AtTarget
from thirdparty.models import Attempt, Record
from thirdparty.models.record import EPOCH
from thirdparty.protect import Admission
from thirdparty.run import shutdown
from thirdparty.run.drain import drain
from thirdparty.run.step import claim_and_plan
from thirdparty.sandbox.client import SandboxControl
from users.models import User
from users.synced import Person

pytestmark = pytest.mark.django_db


@pytest.fixture
def people(sandbox: SandboxControl) -> list[User]:
    return User.objects.bulk_create([User(name="张伟", phone=str(13800000000 + n)) for n in range(150)])


def states() -> set[str]:
    return set(Record.objects.values_list("state", flat=True))


def test_a_backlog_reaches_the_target_with_an_attempt_for_each_record(
    people: list[User], sandbox: SandboxControl
) -> None:
    assert drain("partner").settled == len(people)
    assert held_records(sandbox) == wanted_records()
    assert states() == {"synced"}
    assert set(Attempt.objects.values_list("call", "outcome")) == {("add", "ok")}
    assert Attempt.objects.filter(finished_at__isnull=False).count() == len(people)


def test_updates_and_deletions_go_the_same_way(people: list[User], sandbox: SandboxControl) -> None:
    drain("partner")
    User.objects.filter(pk__in=[user.pk for user in people[:50]]).update(name="李娜")
    User.objects.filter(pk__in=[user.pk for user in people[50:100]]).delete()
    drain("partner")
    assert held_records(sandbox) == wanted_records()
    assert states() == {"synced", "deleted"}


def test_a_backlog_beyond_one_claim_calls_for_others_once(people: list[User], settings: Any) -> None:
    settings.SYNC_DRAIN_THREADS = 8
    calls: list[int] = []
    drain("partner", request_helper=lambda: calls.append(1))
    assert calls == [1]


def test_what_one_claim_takes_whole_calls_for_nobody(sandbox: SandboxControl) -> None:
    User.objects.create(name="One")
    calls: list[int] = []
    drain("partner", request_helper=lambda: calls.append(1))
    assert calls == []


def test_an_edit_made_while_its_record_is_under_way_is_pushed_by_the_same_drain(
    people: list[User], sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    from thirdparty.run import results

    finish, edited = results.write_results, []

    def finish_after_an_edit(*args: Any, **options: Any) -> Any:
        if not edited:
            edited.append(User.objects.update(name="Edited meanwhile"))
        return finish(*args, **options)

    monkeypatch.setattr(results, "write_results", finish_after_an_edit)
    drain("partner")
    assert {user["name"] for user in sandbox.users()} == {"Edited meanwhile"}
    assert states() == {"synced"}


def test_one_record_that_our_code_cannot_cope_with_ends_in_its_row_and_delays_no_other(
    people: list[User], sandbox: SandboxControl, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.SYNC_RETRY_BACKOFF_SECONDS = settings.SYNC_RETRY_BACKOFF_MAX_SECONDS = 300.0

    payload = Person.payload

    def explode(self: Person, user: User, target: AtTarget) -> Any:
        if user.uuid == people[7].uuid:
            raise ZeroDivisionError
        return payload(self, user, target)

    monkeypatch.setattr(Person, "payload", explode)
    drain("partner")
    assert "ZeroDivisionError" in row_of(people[7]).last_error
    assert row_of(people[7]).state == "pending"
    assert Record.objects.filter(state="synced").count() == len(people) - 1


def test_a_step_that_breaks_off_is_left_to_its_lease_and_delays_no_other(
    people: list[User], sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    from thirdparty.run import calling

    original, key = calling.call_target, row_of(people[7]).key

    def break_off(step: Any) -> FinishedStep:
        if step.lease.key == key:
            raise ZeroDivisionError
        return original(step)

    monkeypatch.setattr(calling, "call_target", break_off)
    drain("partner")
    assert row_of(people[7]).state == "in_flight"
    assert Record.objects.filter(state="synced").count() == len(people) - 1


def test_a_slow_call_holds_up_one_record(
    people: list[User], sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    add, others_are_done, slow = LandcloudConnector.add, threading.Event(), people[0].username

    def add_when_others_are_done(self: LandcloudConnector, user: Any, **options: Any) -> str:
        if user.key == slow and not others_are_done.wait(20):
            raise OutcomeUnknown("timeout")
        remote_id = add(self, user, **options)
        if len(sandbox.users()) == len(people) - 1:
            others_are_done.set()
        return remote_id

    monkeypatch.setattr(LandcloudConnector, "add", add_when_others_are_done)
    drain("partner")
    assert states() == {"synced"}


def test_a_failed_record_is_tried_again_after_its_backoff_and_the_drain_says_when(
    sandbox: SandboxControl, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.SYNC_RETRY_BACKOFF_SECONDS = settings.SYNC_RETRY_BACKOFF_MAX_SECONDS = 300.0
    monkeypatch.setattr("thirdparty.run.calling.random.random", lambda: 0.5)
    sandbox.faults(rates={"503": 1})
    user = User.objects.create(name="Later")
    drained = drain("partner")
    assert not drained.unfinished
    assert drained.look_in_seconds == pytest.approx(150, abs=20)
    row = row_of(user)
    assert (row.state, row.failed_tries) == ("pending", 1)
    assert row.due_at is not None
    assert row.due_at - timezone.now() == pytest.approx(timedelta(seconds=150), abs=timedelta(seconds=20))


def test_a_user_who_waits_for_a_username_follows_in_the_same_drain(sandbox: SandboxControl) -> None:
    first = User.objects.create(name="First", username="wanted")
    drain("partner")
    first.delete()
    User.objects.create(name="Second", username="wanted")
    drain("partner")
    assert [user["name"] for user in sandbox.users()] == ["Second"]
    assert states() == {"synced", "deleted"}


def test_a_drain_whose_time_is_up_says_that_it_is_not_finished(people: list[User], settings: Any) -> None:
    settings.SYNC_DRAIN_THREADS = 4
    drained = drain("partner", seconds=0)
    assert (drained.settled, drained.unfinished) == (0, True)


def test_a_worker_that_is_asked_to_end_settles_what_is_under_way_and_claims_no_more(
    people: list[User], settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.SYNC_DRAIN_THREADS = 4
    monkeypatch.setattr(shutdown, "begun", Attempt.objects.exists)
    drained = drain("partner")
    assert drained.unfinished
    assert states() == {"pending", "synced"}
    assert Attempt.objects.filter(finished_at=None).count() == 0


def test_nothing_is_claimed_that_the_guard_does_not_let_in(
    people: list[User], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        protect, "admit", lambda *_, **__: protect.Admission(0, "the breaker is open", wait_seconds=30.0)
    )
    drained = drain("partner")
    assert (drained.settled, drained.unfinished) == (0, False)
    assert drained.look_in_seconds == pytest.approx(30, abs=5)
    assert Attempt.objects.count() == 0
    assert set(Record.objects.values_list("due_at", "failed_tries")) == {(EPOCH, 0)}


def claim_due(most: int, *, latest_first: bool = False) -> list[str]:
    leases = store.claim_due("partner", most, Terms(60, 60), latest_first=latest_first)
    return [lease.key for lease in leases]


def test_edits_go_before_retries_and_the_longest_due_before_the_later_ones(sandbox: SandboxControl) -> None:
    backfilled, retried, edited = (User.objects.create(name="x", phone=str(n)) for n in range(3))
    Record.objects.filter(object_id=backfilled.uuid.hex).update(due_at=timezone.now() - timedelta(hours=2))
    Record.objects.filter(object_id=retried.uuid.hex).update(due_at=timezone.now() - timedelta(hours=1))
    order = [claim_due(1) for _ in range(4)]
    assert order == [[row_of(edited).key], [row_of(backfilled).key], [row_of(retried).key], []]


def test_now_and_then_what_became_due_last_goes_first_and_edits_are_left_out(sandbox: SandboxControl) -> None:
    backfilled, retried, edited = (User.objects.create(name="x", phone=str(n)) for n in range(3))
    Record.objects.filter(object_id=backfilled.uuid.hex).update(due_at=timezone.now() - timedelta(hours=2))
    Record.objects.filter(object_id=retried.uuid.hex).update(due_at=timezone.now() - timedelta(hours=1))
    order = [claim_due(1, latest_first=True) for _ in range(3)]
    assert order == [[row_of(retried).key], [row_of(backfilled).key], []]
    assert row_of(edited).lease_token is None


@pytest.mark.django_db(transaction=True)
def test_of_two_rows_of_one_batch_that_want_one_username_one_is_claimed_and_no_other_row_suffers(
    sandbox: SandboxControl,
) -> None:
    first, second, other = (User.objects.create(name="x", phone=str(n)) for n in range(3))
    Record.objects.filter(object_id__in=[first.uuid.hex, second.uuid.hex]).update(
        natural_key="wanted", wanted_key="wanted"
    )
    begun = claim_and_plan(targets.config("partner"), Admission(10), partial(store.claim_due, "partner", 10))
    assert len(begun) == 2
    assert row_of(other).key in {each.lease.key for each in begun}


def ended(user: User, remote_id: str, **facts: Any) -> FinishedStep:
    (lease,) = store.claim([row_of(user).key], Terms(60, 60))
    known: dict[str, Any] = {"outcome": Outcome.OK, "adopted": "", "add_key": None, "acknowledged": True}
    return FinishedStep(lease, None, StepResult(**(known | {"remote_id": remote_id} | facts)))


def settle(*results: FinishedStep) -> store.Settled:
    return store.settle(results, visibility_seconds=60, grace_seconds=0)


def test_of_two_results_of_one_batch_with_one_remote_id_one_has_to_try_again_and_no_other_row_suffers(
    sandbox: SandboxControl,
) -> None:
    first, second, other = (User.objects.create(name="x", phone=str(n)) for n in range(3))
    settled = settle(ended(first, "r1"), ended(second, "r1"), ended(other, "r2"))
    assert len(settled.rows) == 3
    assert sorted(row.state for row in Record.objects.all()) == ["pending", "pending", "synced"]
    assert [row.remote_id for row in Record.objects.exclude(remote_id=None).order_by("remote_id")] == ["r1", "r2"]
    assert row_of(second).last_error.startswith("identity_conflict")
    assert row_of(other).state == "synced"


def test_an_answer_that_the_database_cannot_hold_parks_its_record_in_doubt_and_no_other(
    sandbox: SandboxControl,
) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite holds anything")
    first, other = (User.objects.create(name="x", phone=str(n)) for n in range(2))
    settle(ended(first, "r" * 200), ended(other, "r2"))
    assert (row_of(first).parked, row_of(first).unknown_until is not None) == ("unstorable", True)
    assert row_of(other).state == "synced"


def test_results_of_different_kinds_are_written_by_one_statement_each_as_it_is(sandbox: SandboxControl) -> None:
    done, failed, parked, lost = (User.objects.create(name="x", phone=str(n)) for n in range(4))
    results = [
        ended(done, "r1"),
        ended(failed, "r2", outcome=Outcome.TRANSIENT, acknowledged=False, next=Next.LATER, delay_seconds=600.0),
        ended(parked, "r3", outcome=Outcome.REJECTED, acknowledged=False, parked="invalid"),
        ended(lost, "r4"),
    ]
    Record.objects.filter(object_id=lost.uuid.hex).update(lease_token="another's")
    settled = settle(*results)
    assert row_of(lost).key not in settled.rows
    assert settled.locked == []
    assert [row_of(user).state for user in (done, failed, parked, lost)] == [
        "synced",
        "pending",
        "parked",
        "in_flight",
    ]
    assert row_of(failed).due_at is not None
    assert row_of(failed).failed_tries == 1


@pytest.fixture
def saving(people: list[User]) -> Iterator[Callable[[User], threading.Event]]:
    """Saves a user in a transaction of another connection, which stays open until the event."""
    open_ones: list[tuple[threading.Event, threading.Thread]] = []

    def save(user: User) -> threading.Event:
        written, finish = threading.Event(), threading.Event()

        def write() -> None:
            try:
                with transaction.atomic():
                    User.objects.filter(pk=user.pk).update(name="Saved meanwhile")
                    written.set()
                    finish.wait(20)
            finally:
                connection.close()

        thread = threading.Thread(target=write)
        thread.start()
        open_ones.append((finish, thread))
        assert written.wait(10)
        return finish

    yield save
    for finish, thread in open_ones:
        finish.set()
        thread.join()


@pytest.mark.django_db(transaction=True)
def test_a_result_whose_row_a_person_is_saving_waits_for_the_next_flush_and_the_others_do_not(
    people: list[User], saving: Callable[[User], threading.Event]
) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer")
    results = [ended(user, f"r{number}") for number, user in enumerate(people[:3])]
    finish = saving(people[1])
    settled = settle(*results)
    assert [each.lease.key for each in settled.locked] == [row_of(people[1]).key]
    assert len(settled.rows) == 2
    finish.set()
    (row,) = settle(*settled.locked).rows.values()
    assert (row.state, row.synced_generation, row.generation) == ("pending", 1, 2)


@pytest.mark.django_db(transaction=True)
def test_a_drain_settles_in_the_end_what_was_locked(
    people: list[User], sandbox: SandboxControl, saving: Callable[[User], threading.Event]
) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer")
    from thirdparty.run import results

    finish, finishes = results.write_results, []

    def finish_while_somebody_saves(target: Any, ended: list[FinishedStep], **options: Any) -> Any:
        if ended and not finishes:
            finishes.append(saving(User.objects.get(uuid=ended[0].lease.object_id)))
            threading.Timer(0.5, finishes[0].set).start()
        return finish(target, ended, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(results, "write_results", finish_while_somebody_saves)
        drain("partner")
    assert states() == {"synced"}
    assert held_records(sandbox) == wanted_records()


@pytest.mark.django_db(transaction=True)
def test_drains_at_once_push_each_record_once(people: list[User], sandbox: SandboxControl, settings: Any) -> None:
    settings.SYNC_DRAIN_THREADS = 8
    drained = at_once(*[lambda: drain("partner")] * 3)
    assert sum(each.settled for each in drained) == len(people)
    assert held_records(sandbox) == wanted_records()
    assert Attempt.objects.count() == len(people)


def test_a_drain_that_breaks_off_lets_no_further_call_begin(
    people: list[User], sandbox: SandboxControl, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from thirdparty.run import results

    settings.SYNC_DRAIN_THREADS = 2
    sandbox.faults(latency_seconds=0.05)

    def fail(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(results, "write_results", fail)
    with pytest.raises(ZeroDivisionError):
        drain("partner")
    begun = len(sandbox.ledger())
    time.sleep(0.3)
    assert len(sandbox.ledger()) <= begun + 2 * 2
