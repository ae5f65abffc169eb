"""Records that a target always fails on keep nobody waiting; and what a clock that was ahead left behind holds nobody up."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from tests.integration.conftest import converge, held_records, row_of, step, wanted_records
from thirdparty import protect, store, tasks
from thirdparty.decide.lease import Terms
from thirdparty.models import Attempt, Record, Target
from thirdparty.run.drain import drain
from thirdparty.run.pause import resume
from thirdparty.sandbox.client import SandboxControl
from users import consistency
from users.consistency import Consistency, Mode
from users.models import User

FAULTS = ("500", "503", "busy", "hang")


@pytest.fixture
def poison(sandbox: SandboxControl, settings: Any) -> list[User]:
    settings.SYNC_BREAKER_SECONDS = settings.SYNC_BREAKER_MAX_SECONDS = 3600.0
    return [User.objects.create(name="Poison", phone=str(n)) for n in range(5)]


def spoil(sandbox: SandboxControl, fault: str, users: list[User]) -> None:
    sandbox.faults(rates={fault: 1}, only={"usernames": [user.username for user in users]})


@pytest.mark.parametrize("fault", FAULTS)
def test_five_records_that_always_fail_leave_the_breaker_closed_and_a_good_edit_goes_through(
    poison: list[User], sandbox: SandboxControl, partner: Callable[..., None], fault: str
) -> None:
    partner(timeout_seconds=0.3)
    spoil(sandbox, fault, poison)
    for _ in range(4):
        for user in poison:
            step(user)
    good = User.objects.create(name="Good", phone="9")
    assert step(good) is not None
    assert row_of(good).state == "synced"
    assert Target.objects.get().breaker == "closed"
    assert not Record.objects.exclude(parked="").exists()


@pytest.mark.django_db(transaction=True)
def test_a_drain_finds_out_by_itself_and_takes_the_good_ones(poison: list[User], sandbox: SandboxControl) -> None:
    spoil(sandbox, "500", poison)
    drain("partner")
    good = User.objects.bulk_create(User(name="Good", phone=str(n)) for n in range(20))
    drain("partner")
    assert {row_of(user).state for user in good} == {"synced"}
    assert Target.objects.get().breaker == "closed"


def test_records_found_at_fault_wait_for_longer_than_the_first_pause_each_after_the_other(
    poison: list[User], sandbox: SandboxControl, settings: Any
) -> None:
    settings.SYNC_BREAKER_SECONDS = 60.0
    spoil(sandbox, "503", poison)
    for _ in range(2):
        Record.objects.update(due_at=timezone.now() - timedelta(seconds=1))
        for user in poison:
            step(user)
    assert set(Target.objects.get().faulty_keys) == {row_of(user).key for user in poison}
    due = sorted(moment for moment in Record.objects.values_list("due_at", flat=True) if moment is not None)
    assert due[1] > timezone.now() + timedelta(seconds=50)
    assert due[4] > due[1]


@pytest.mark.django_db(transaction=True)
def test_strict_writes_are_accepted_beside_them(poison: list[User], sandbox: SandboxControl) -> None:
    spoil(sandbox, "500", poison)
    for user in (*poison, *poison):
        step(user)
    written = consistency.create({"name": "Good", "phone": "9"}, consistency=Consistency(Mode.STRICT))
    assert written.user is not None
    assert row_of(written.user).state == "synced"


@pytest.mark.parametrize("fault", ["500", "hang", "503"])
def test_a_target_that_fails_the_harmless_call_too_is_cut_off(
    poison: list[User], sandbox: SandboxControl, partner: Callable[..., None], fault: str
) -> None:
    partner(timeout_seconds=0.3)
    sandbox.faults(rates={fault: 1})
    for user in poison:
        step(user)
    assert Target.objects.get().breaker == "open"


def test_where_nothing_could_be_sent_nobody_is_asked_first(poison: list[User], partner: Callable[..., None]) -> None:
    partner(base_url="http://127.0.0.1:1")
    for user in poison:
        step(user)
    assert Target.objects.get().breaker == "open"
    assert "connection" in Target.objects.get().breaker_reason or "refused" in Target.objects.get().breaker_reason


def test_a_target_without_a_harmless_call_is_cut_off_as_before(
    poison: list[User], sandbox: SandboxControl, partner: Callable[..., None]
) -> None:
    partner(capabilities=())
    spoil(sandbox, "503", poison)
    for user in poison:
        step(user)
    assert Target.objects.get().breaker == "open"


def test_ten_that_are_refused_are_parked_without_a_good_one(sandbox: SandboxControl) -> None:
    bad = [User.objects.create(name="Bad", phone=str(n)) for n in range(12)]
    spoil(sandbox, "invalid", bad)
    for _ in range(2):
        for user in bad:
            step(user)
    assert Record.objects.filter(parked="invalid").count() == 12
    assert Target.objects.get().breaker == "closed"


def test_once_the_target_is_mended_all_of_them_arrive(poison: list[User], sandbox: SandboxControl) -> None:
    spoil(sandbox, "503", poison)
    for _ in range(3):
        Record.objects.update(due_at=timezone.now() - timedelta(seconds=1))
        for user in poison:
            step(user)
    sandbox.heal()
    Record.objects.filter(key=row_of(poison[0]).key).update(due_at=timezone.now() - timedelta(seconds=1))
    step(poison[0])
    assert Record.objects.filter(due_at__gt=timezone.now() + timedelta(seconds=1)).count() == 0
    converge()
    assert held_records(sandbox) == wanted_records()


def test_a_record_that_is_edited_is_tried_at_once(poison: list[User], sandbox: SandboxControl) -> None:
    spoil(sandbox, "503", poison)
    for _ in range(3):
        Record.objects.update(due_at=timezone.now() - timedelta(seconds=1))
        for user in poison:
            step(user)
    tries = Attempt.objects.count()
    poison[0].name = "Edited"
    poison[0].save()
    step(poison[0])
    assert Attempt.objects.count() == tries + 1


# -- a clock that was ahead ----------------------------------------------------------------------

AHEAD = timedelta(hours=3)


@pytest.mark.parametrize("name", ["next_slot_at", "blocked_until", "probes_until", "asking_until"])
def test_a_target_is_not_silent_for_as_long_as_the_clock_was_ahead(
    sandbox: SandboxControl, partner: Callable[..., None], name: str
) -> None:
    partner(rate_per_second=50.0)
    user = User.objects.create(name="x", phone="1")
    half_open = {"breaker": "half_open", "probes_left": 0} if name == "probes_until" else {}
    Target.objects.update(**{name: timezone.now() + AHEAD}, **half_open)
    assert step(user) is not None
    assert row_of(user).state == "synced"


def test_a_limit_and_a_missing_capability_of_that_time_are_forgotten_too(sandbox: SandboxControl) -> None:
    ahead = timezone.now() + AHEAD
    Target.objects.update(
        rate_limit=0.2, rate_set_at=ahead, rate_climb=1.0, capabilities_off=["query"], capabilities_off_until=ahead
    )
    assert protect.admit("partner").without == ()
    assert protect.summary(Target.objects.get())["capabilities_off"] == []
    rate_set_at = Target.objects.get().rate_set_at
    assert rate_set_at is not None
    assert rate_set_at < ahead - timedelta(hours=2)


def test_resume_helps_a_target_with_a_rate(sandbox: SandboxControl, partner: Callable[..., None]) -> None:
    partner(rate_per_second=50.0)
    Target.objects.update(next_slot_at=timezone.now() + AHEAD)
    resume("partner")
    assert Target.objects.get().next_slot_at is None


def test_what_is_due_or_leased_further_ahead_than_can_be_is_brought_back(sandbox: SandboxControl) -> None:
    waiting, leased = (User.objects.create(name="x", phone=phone) for phone in "12")
    ahead = timezone.now() + AHEAD
    Record.objects.filter(key=row_of(waiting).key).update(due_at=ahead)
    Record.objects.filter(key=row_of(leased).key).update(due_at=ahead, leased_until=ahead, lease_token="t")
    tasks.run_reconcile()
    assert step(waiting) is not None
    leased_until = row_of(leased).leased_until
    assert leased_until is not None
    # Whoever holds it may be alive, and has this long by its own clock.
    assert timezone.now() < leased_until < timezone.now() + timedelta(minutes=2)
    assert store.claim([row_of(leased).key], Terms(60, 60)) == []


def test_a_doubt_that_ends_further_ahead_than_can_be_is_read_back_within_its_window(sandbox: SandboxControl) -> None:
    user = User.objects.create(name="x", phone="1")
    ahead = timezone.now() + AHEAD
    Record.objects.update(due_at=ahead, unknown_until=ahead)
    tasks.run_reconcile()
    unknown_until = row_of(user).unknown_until
    assert unknown_until is not None
    assert unknown_until < timezone.now() + timedelta(seconds=2)
