"""The reconciler finds whatever nobody is working on, and hands nothing out twice."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.utils import timezone

from tests.integration.conftest import converge, held_records, row_of, wanted_records
from thirdparty import store, targets, tasks
from thirdparty.capture import catch_up, triggers
from thirdparty.models import Attempt, Record, Target
from thirdparty.notify.hints import MOST_DRAINS
from thirdparty.run import reconcile
from thirdparty.sandbox.client import SandboxControl
from thirdparty.store import held
from thirdparty.store.locking import lock
from users.api.filters import UserFilter
from users.models import IdempotentResponse, User

pytestmark = pytest.mark.django_db


@pytest.fixture
def user() -> User:
    return User.objects.create(name="张伟", phone="1")


def hours_ago(hours: float) -> Any:
    return timezone.now() - timedelta(hours=hours)


def test_what_is_due_is_worth_a_drain_and_much_of_it_more_than_one_but_never_many(user: User) -> None:
    assert reconcile.drains_needed() == {"partner": 1}
    User.objects.bulk_create([User(name="x", phone=str(n)) for n in range(reconcile.ROWS_PER_DRAIN)])
    assert reconcile.drains_needed() == {"partner": 2}
    User.objects.bulk_create([User(name="y", phone=str(n)) for n in range(reconcile.ROWS_PER_DRAIN * MOST_DRAINS)])
    assert reconcile.drains_needed() == {"partner": MOST_DRAINS}


@pytest.mark.parametrize(
    "state",
    [
        {"lease_token": "t", "leased_until": timezone.now() + timedelta(hours=1)},
        {"due_at": timezone.now() + timedelta(hours=1)},
        {"due_at": None, "parked": "invalid"},
    ],
    ids=["leased", "not due", "parked"],
)
def test_what_is_worked_on_waiting_or_parked_is_left_alone(user: User, state: dict[str, Any]) -> None:
    Record.objects.update(**state)
    assert reconcile.drains_needed() == {}


def test_an_expired_lease_is_due(user: User) -> None:
    Record.objects.update(lease_token="dead worker's", leased_until=hours_ago(1), due_at=hours_ago(1))
    assert reconcile.drains_needed() == {"partner": 1}


def test_a_paused_target_is_left_alone(user: User) -> None:
    Target.objects.update(paused=True)
    assert reconcile.drains_needed() == {}


def test_what_is_unsynced_for_n_hours_is_brought_forward_once_per_n_hours(user: User, settings: Any) -> None:
    settings.SYNC_RECONCILE_AFTER_HOURS = 2
    far = timezone.now() + timedelta(hours=10)
    Record.objects.update(owed_since=hours_ago(1), due_at=far)
    assert reconcile.pull_forward() == 0
    Record.objects.update(owed_since=hours_ago(3))
    assert reconcile.pull_forward() == 1
    assert reconcile.drains_needed() == {"partner": 1}
    Record.objects.update(due_at=far)
    assert reconcile.pull_forward() == 0
    Record.objects.update(pulled_at=hours_ago(3))
    assert reconcile.pull_forward() == 1


def test_what_is_parked_is_never_brought_forward(user: User) -> None:
    Record.objects.update(owed_since=hours_ago(99), due_at=timezone.now() + timedelta(hours=1), parked="invalid")
    assert reconcile.pull_forward() == 0


def test_users_that_a_new_target_lacks_are_added_in_one_pass(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catch_up, "AT_ONCE", 2)
    User.objects.bulk_create([User(name="x", phone=str(n)) for n in range(7)])
    Record.objects.all().delete()
    User.objects.create_superuser("root", "pw")
    assert catch_up.go_on("partner") == 8
    assert row_of(user).state == "pending"
    assert Target.objects.get().swept


def test_after_the_first_pass_a_tick_looks_at_some_users_and_goes_on_where_it_was(
    user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catch_up, "AT_ONCE", 2)
    User.objects.bulk_create([User(name="x", phone=str(n)) for n in range(3)])
    Target.objects.update(swept=True, fence=None, owing_to=None, behind_since=None)
    last = User.objects.order_by("-id")[0]
    Record.objects.filter(object_id=last.uuid.hex).delete()
    assert [catch_up.go_on("partner") for _ in range(2)] == [0, 1]
    assert row_of(last).state == "pending"


def test_old_tombstones_and_attempts_are_pruned_and_nothing_else(user: User) -> None:
    gone = User.objects.create(name="Gone", phone="2")
    key = row_of(gone).key
    gone.delete()
    Record.objects.filter(key=key).update(synced_generation=2, due_at=None, synced_at=hours_ago(24 * 91))
    common = {"lease_token": "t", "call": "add", "generation": 1}
    Attempt.objects.create(record_id=key, started_at=hours_ago(24 * 91), finished_at=timezone.now(), **common)
    Attempt.objects.create(record=row_of(user), started_at=hours_ago(24 * 91), finished_at=timezone.now(), **common)
    Attempt.objects.create(record=row_of(user), started_at=timezone.now(), finished_at=timezone.now(), **common)
    reconcile.prune()
    assert list(Record.objects.all()) == [row_of(user)]
    assert Attempt.objects.count() == 1


def test_whoever_comes_back_while_tombstones_are_pruned_keeps_their_record(
    user: User, sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    converge()
    known = {"uuid": user.uuid, "username": user.username, "name": user.name, "phone": user.phone}
    user.delete()
    converge()
    Record.objects.update(synced_at=hours_ago(24 * 400))
    Attempt.objects.update(started_at=hours_ago(24 * 400))

    def after_they_are_back(keys: Any, **given: Any) -> set[str]:
        User.objects.create(**known)
        return lock(keys, **given)

    monkeypatch.setattr(reconcile, "lock", after_they_are_back)
    reconcile._prune_tombstones(timedelta(days=90))
    row = Record.objects.get()
    assert (row.state, row.deleted) == ("pending", False)
    converge()
    assert held_records(sandbox) == wanted_records()


def test_a_worker_whose_clock_is_ahead_prunes_nothing_early(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = User.objects.create(name="Gone", phone="2")
    key = row_of(gone).key
    gone.delete()
    Record.objects.filter(key=key).update(synced_generation=2, due_at=None, synced_at=Now())
    Attempt.objects.create(
        record=row_of(user), started_at=Now(), finished_at=Now(), lease_token="t", call="add", generation=1
    )
    IdempotentResponse.objects.create(account=user, key="k", request="", status=201, kept_at=Now())
    ahead = timezone.now() + timedelta(days=91)
    monkeypatch.setattr(timezone, "now", lambda: ahead)
    assert reconcile.prune() == 0
    assert (Record.objects.count(), Attempt.objects.count(), IdempotentResponse.objects.count()) == (2, 1, 1)


def test_how_long_something_is_owed_is_told_by_the_database(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite's clock is this machine's")
    targets.publish_rows()
    Record.objects.update(owed_since=Now())
    ahead = timezone.now() + timedelta(hours=1)
    monkeypatch.setattr(timezone, "now", lambda: ahead)
    everybody = User.objects.all()
    assert UserFilter({"owed_for": "1800"}, queryset=everybody).qs.count() == 0
    assert UserFilter({"owed_for": "0"}, queryset=everybody).qs.count() == 1


@pytest.mark.parametrize(("hours", "kept"), [(23, 1), (25, 0)])
def test_answers_to_idempotency_keys_are_kept_for_24_hours(user: User, hours: int, kept: int) -> None:
    IdempotentResponse.objects.create(account=user, key="k", request="", status=201, kept_at=hours_ago(hours))
    reconcile.prune()
    assert IdempotentResponse.objects.count() == kept


@pytest.mark.parametrize(
    "doubt",
    [{"unknown_until": timezone.now()}, {"synced_generation": 1}, {"lease_token": "t"}],
    ids=["in doubt", "owed", "leased"],
)
def test_a_tombstone_that_is_not_confirmed_is_kept(user: User, doubt: dict[str, Any]) -> None:
    user.delete()
    Record.objects.update(**({"synced_generation": 2, "synced_at": hours_ago(24 * 91)} | doubt))
    reconcile.prune()
    assert Record.objects.count() == 1


def test_pruning_goes_on_until_nothing_old_is_left(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconcile, "PRUNED_AT_ONCE", 3)
    facts = {"record": row_of(user), "lease_token": "t", "call": "add", "generation": 1, "finished_at": timezone.now()}
    for _ in range(8):
        Attempt.objects.create(started_at=hours_ago(24 * 91), **facts)
    assert reconcile.prune() == 8


def test_the_tick_refuses_to_go_on_without_triggers(user: User) -> None:
    triggers.drop()
    with pytest.raises(triggers.TriggersMissing):
        tasks.reconcile_tick()


def test_a_record_that_was_parked_before_a_late_answer_came_is_neither_due_nor_worth_a_drain(user: User) -> None:
    Record.objects.update(parked="invalid", due_at=None)
    before = row_of(user).generation
    store.repair([row_of(user).key])
    row = row_of(user)
    assert (row.generation, row.due_at, row.state) == (before + 1, None, "parked")
    assert reconcile.drains_needed() == {}


def test_a_rejected_deletion_that_waited_for_another_record_is_not_woken(user: User) -> None:
    other = User.objects.create(name="B", phone="2")
    Record.objects.filter(key=row_of(user).key).update(held_by=row_of(other).key)
    assert held.reject([row_of(user).key], "root: it stays") == [row_of(user).key]
    store.references.release()
    row = row_of(user)
    assert (row.state, row.due_at, row.held_by) == ("rejected", None, None)


def test_a_parked_record_whose_hindrance_has_gone_stays_parked_and_is_not_due(user: User) -> None:
    other = User.objects.create(name="B", phone="2")
    Record.objects.filter(key=row_of(user).key).update(held_by=row_of(other).key, parked="invalid", due_at=None)
    store.references.release()
    row = row_of(user)
    assert (row.parked, row.due_at, row.held_by) == ("invalid", None, None)
