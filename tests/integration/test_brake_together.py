"""The brake is one for all workers, whatever way a step takes: drains at once, a push, a strict write."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
from django.db import connection, transaction

from tests.integration.braking import deletions, latched, people, states, work
from tests.integration.conftest import at_once, held_records, wanted_records
from tests.integration.strictly import STRICT, create
from thirdparty import store, targets
from thirdparty.consistency import strict
from thirdparty.decide.brake import Change
from thirdparty.decide.lease import Terms
from thirdparty.models import Brake, BrakeEntry, Record
from thirdparty.protect import Admission, brake
from thirdparty.run import step
from thirdparty.run.drain import drain
from thirdparty.run.until_done import push_until_done
from thirdparty.sandbox.client import SandboxControl
from thirdparty.store import braking
from users import consistency
from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)

FLOOR = 5


@pytest.fixture(autouse=True)
def _low_floor(sandbox: SandboxControl, settings: Any) -> None:
    settings.SYNC_BRAKE_MIN = FLOOR
    settings.SYNC_BRAKE_PERCENT = 0


def all_leave_and_several_workers_take_them_one_by_one() -> None:
    """Forty people leave the scope, and four workers push them at the same moment, record by record."""
    people(40)
    User.objects.update(is_active=False)
    keys = list(Record.objects.values_list("key", flat=True))

    def worker(mine: list[str]) -> Callable[[], None]:
        def run() -> None:
            for key in mine:
                push_until_done("partner", key)

        return run

    at_once(*(worker(keys[n::4]) for n in range(4)))


def test_workers_at_once_let_no_more_than_the_limit_through(sandbox: SandboxControl) -> None:
    all_leave_and_several_workers_take_them_one_by_one()
    work()
    # Some may have been looked at and not gone yet when the brake came on.
    gone = deletions(sandbox)
    assert 0 < gone <= FLOOR
    assert states() == {"held": 40 - gone, "synced": gone}


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer")
def test_two_that_reserve_in_the_same_instant_wait_for_each_other(sandbox: SandboxControl) -> None:
    people(2 * FLOOR)
    User.objects.update(is_active=False)
    keys = list(Record.objects.order_by("key").values_list("key", flat=True))
    held: list[int] = []

    def reserving(mine: list[str]) -> Callable[[], None]:
        def run() -> None:
            with transaction.atomic():
                held.append(len(brake.reserve("partner", dict.fromkeys(mine, Change.DELETE))))

        return run

    at_once(reserving(keys[:FLOOR]), reserving(keys[FLOOR:]))
    assert sorted(held) == [0, FLOOR]
    assert BrakeEntry.objects.filter(held=False).count() == FLOOR


def test_workers_that_claim_and_a_person_who_edits_do_not_stand_against_each_other(sandbox: SandboxControl) -> None:
    made = people(40)
    User.objects.update(is_active=False)

    def edit() -> None:
        for user in made:
            User.objects.filter(pk=user.pk).update(name="Edited")

    at_once(lambda: drain("partner", seconds=3), lambda: drain("partner", seconds=3), edit)
    work()
    assert deletions(sandbox) <= FLOOR


# -- strict ------------------------------------------------------------------------------


def on() -> None:
    Brake.objects.update_or_create(target="partner", defaults={"latched_at": "2026-01-01T00:00:00Z", "reason": "r"})


def refusal(write: Callable[[], object]) -> tuple[str, str]:
    with pytest.raises(strict.NotAccepted) as refused:
        write()
    [verdict] = refused.value.verdicts
    return verdict.reason, verdict.message


def test_a_strict_deletion_is_refused_before_the_target_is_asked(sandbox: SandboxControl) -> None:
    [user] = people(1)
    on()
    before = len(sandbox.ledger())
    assert refusal(lambda: consistency.delete(user.uuid, consistency=STRICT))[0] == "brake"
    assert len(sandbox.ledger()) == before
    assert User.objects.filter(pk=user.pk).exists()


def test_a_strict_write_that_empties_a_field_is_refused_before_the_target_is_asked(sandbox: SandboxControl) -> None:
    [user] = people(1)
    on()
    before = len(sandbox.ledger())
    assert refusal(lambda: consistency.update(user.uuid, {"phone": ""}, consistency=STRICT))[0] == "brake"
    assert len(sandbox.ledger()) == before


def test_ordinary_strict_writes_go_on_while_it_is_on(sandbox: SandboxControl) -> None:
    [user] = people(1)
    on()
    consistency.update(user.uuid, {"name": "Changed"}, consistency=STRICT)
    create(name="New", phone="1")
    assert held_records(sandbox) == wanted_records()


def test_a_strict_deletion_that_is_one_too_many_is_refused_and_latches(sandbox: SandboxControl) -> None:
    made = people(FLOOR + 1)
    for user in made[:FLOOR]:
        User.objects.get(pk=user.pk).delete()
        work()
    assert refusal(lambda: consistency.delete(made[FLOOR].uuid, consistency=STRICT))[0] == "brake"
    assert latched()
    work()
    assert held_records(sandbox) == wanted_records()


def test_what_takes_a_strict_write_back_is_counted_and_never_held(
    sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    people(1)
    before = deletions(sandbox)
    monkeypatch.setattr(
        "thirdparty.consistency.strict.applying.apply", _raises(strict.ChangedMeanwhile("somebody was first"))
    )
    with pytest.raises(strict.ChangedMeanwhile):
        create(name="New", phone="1")
    on()
    work()
    assert deletions(sandbox) == before + 1
    assert held_records(sandbox) == wanted_records()
    assert BrakeEntry.objects.filter(held=False).count() == 1


def _raises(error: Exception) -> Callable[..., None]:
    def fail(*_: object) -> None:
        raise error

    return fail


# -- faults that these tests have to find ------------------------------------------------


@contextmanager
def counted_per_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Each worker knows of what went through itself alone."""
    own = threading.local()

    def reserve(target: str, changes: Mapping[str, Change]) -> frozenset[str]:
        own.gone = getattr(own, "gone", 0) + len(changes)
        return frozenset(changes) if own.gone > FLOOR else frozenset()

    with monkeypatch.context() as patch:
        patch.setattr(brake, "reserve", reserve)
        yield


def test_a_count_for_each_process_would_be_found(sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch) -> None:
    with counted_per_process(monkeypatch):
        all_leave_and_several_workers_take_them_one_by_one()
        assert deletions(sandbox) > FLOOR


def window_forgets(monkeypatch: pytest.MonkeyPatch) -> None:
    """A window that leaks: once nothing is counted any more, the latch is forgotten."""
    locked = braking.locked

    def forgetting(target: str) -> Brake:
        if not BrakeEntry.objects.filter(at__gt="2021-01-01T00:00:00Z").exists():
            Brake.objects.filter(target=target).update(latched_at=None)
        return locked(target)

    monkeypatch.setattr(braking, "locked", forgetting)


def unparked_are_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is un-parked has been released, somebody thought."""
    plan = step._braked

    def braked(target: Any, planned: Any, goals: Any) -> Any:
        held = set(BrakeEntry.objects.filter(held=True).values_list("record", flat=True))
        asked = [each for each in planned if each[0].key not in held]
        return [*plan(target, asked, goals), *(each for each in planned if each[0].key in held)]

    monkeypatch.setattr(step, "_braked", braked)


def mistake_whose_window_ends_and_whose_records_are_edited() -> None:
    made = people(40)
    User.objects.update(is_active=False)
    work()
    for first in range(0, 3 * FLOOR, FLOOR):
        BrakeEntry.objects.update(at="2020-01-01T00:00:00Z")
        User.objects.filter(pk__in=[user.pk for user in made[first : first + FLOOR]]).update(name="Edited")
        work()


@pytest.mark.parametrize("fault", [window_forgets, unparked_are_let_go])
def test_a_latch_that_is_none_would_be_found(
    sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch, fault: Callable[[pytest.MonkeyPatch], None]
) -> None:
    fault(monkeypatch)
    mistake_whose_window_ends_and_whose_records_are_edited()
    assert deletions(sandbox) > FLOOR


def test_without_a_fault_the_same_mistake_is_stopped(sandbox: SandboxControl) -> None:
    mistake_whose_window_ends_and_whose_records_are_edited()
    assert deletions(sandbox) <= FLOOR


def test_who_is_claimed_by_others_and_has_not_asked_the_brake_yet_counts_as_owed(sandbox: SandboxControl) -> None:
    people(FLOOR + 1)
    User.objects.all().delete()
    [first, *others] = list(Record.objects.order_by("key").values_list("key", flat=True))
    store.claim(others, Terms(60, 60))
    [planned] = step.claim_and_plan(targets.config("partner"), Admission(1), partial(store.claim, [first]))
    assert isinstance(planned.obstacle, step.Braked)
    assert latched()
    assert deletions(sandbox) == 0
