"""The guard at work: what is decided in one process holds for all, and one target's trouble is its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.utils import timezone

from tests.integration.conftest import converge, held_records, row_of, step, wanted_records
from thirdparty import protect, store, targets, tasks
from thirdparty.decide.lease import Terms
from thirdparty.models import Attempt, Record, Target
from thirdparty.models.record import EPOCH
from thirdparty.observe.explain import explain
from thirdparty.run import reconcile
from thirdparty.run.drain import drain
from thirdparty.run.pause import pause, resume
from thirdparty.run.push import push
from thirdparty.sandbox.client import SandboxControl
from users.models import User
from users.synced import person

THE_HARMLESS_CALL = 1
"""It is asked before the breaker opens: were it answered, the records would be at fault."""
LONG = 3600.0
"""A pause that does not end during a test."""


@pytest.fixture
def users(sandbox: SandboxControl) -> list[User]:
    return [User.objects.create(name=f"Person {n}", phone=str(n)) for n in range(20)]


@pytest.fixture
def patient(settings: Any) -> None:
    settings.SYNC_BREAKER_SECONDS = settings.SYNC_BREAKER_MAX_SECONDS = LONG


def calls(sandbox: SandboxControl) -> int:
    return sum(1 for entry in sandbox.ledger() if entry["kind"] == "request")


def end_the_pause() -> None:
    Target.objects.update(blocked_until=timezone.now() - timedelta(seconds=1))


# -- the breaker ------------------------------------------------------------------------------


def test_a_failing_target_gets_a_few_calls_and_no_record_but_those_is_touched(
    users: list[User], sandbox: SandboxControl, patient: None
) -> None:
    sandbox.faults(rates={"503": 1})
    for user in users:
        step(user)
    assert Target.objects.get().breaker == "open"
    assert calls(sandbox) == 5 + THE_HARMLESS_CALL
    assert Attempt.objects.count() == 5
    assert Record.objects.filter(due_at=EPOCH, failed_tries=0, last_error="").count() == 15


def test_the_last_failure_before_it_opens_costs_its_record_no_try(
    users: list[User], sandbox: SandboxControl, patient: None
) -> None:
    sandbox.faults(rates={"503": 1})
    for user in users[:5]:
        step(user)
    assert [row_of(user).failed_tries for user in users[:5]] == [1, 1, 1, 1, 0]


def test_the_reconciler_wakes_nothing_while_the_breaker_is_open_and_a_few_when_it_may_close(
    users: list[User], sandbox: SandboxControl, patient: None
) -> None:
    sandbox.faults(rates={"503": 1})
    for user in users[:5]:
        step(user)
    assert reconcile.drains_needed() == {}
    end_the_pause()
    assert reconcile.drains_needed() == {"partner": 1}


def test_a_claim_is_refused_too_whatever_asked_for_it(users: list[User], sandbox: SandboxControl) -> None:
    Target.objects.update(blocked_until=timezone.now() + timedelta(hours=1))
    assert store.claim([row_of(users[0]).key], Terms(60, 60)) == []
    assert not store.is_claimable(row_of(users[0]).key)


def test_a_probe_that_finds_the_target_well_lets_everything_go_on(
    users: list[User], sandbox: SandboxControl, patient: None
) -> None:
    sandbox.faults(rates={"503": 1})
    for user in users[:5]:
        step(user)
    sandbox.heal()
    end_the_pause()
    assert step(users[5]) is not None
    assert Target.objects.get().breaker == "closed"
    Target.objects.update(rate_limit=None)  # the ramp has its own tests
    converge()
    assert held_records(sandbox) == sorted(wanted_records(), key=lambda record: record["username"])


def test_a_hint_that_finds_nothing_due_spends_no_probe(
    users: list[User], sandbox: SandboxControl, patient: None
) -> None:
    step(users[0])
    Target.objects.update(breaker="open", blocked_until=None)
    assert step(users[0]) is None
    assert Target.objects.get().breaker == "open"
    assert step(users[1]) is not None


def test_records_that_need_no_call_spend_no_probe(users: list[User], sandbox: SandboxControl, patient: None) -> None:
    for user in users[:5]:
        user.groups.add(Group.objects.get_or_create(name="unmapped")[0])
    Target.objects.update(breaker="open", blocked_until=None)
    for user in users[:5]:
        step(user)
    assert {row_of(user).parked for user in users[:5]} == {"unmapped_role"}
    assert step(users[5]) is not None
    assert Target.objects.get().breaker == "closed"


def test_a_success_while_all_is_well_writes_nothing_to_the_target(
    users: list[User], sandbox: SandboxControl, django_assert_num_queries: Any
) -> None:
    protect.admit("partner")  # the first binds it to this database
    with django_assert_num_queries(1):
        assert protect.admit("partner", 500).granted == 500
    with django_assert_num_queries(0):
        assert protect.report("partner", "key", None) == protect.GuardDecision()


def test_an_open_breaker_is_explained_with_the_time_of_the_next_try(
    users: list[User], sandbox: SandboxControl, patient: None
) -> None:
    sandbox.faults(rates={"503": 1})
    for user in users[:5]:
        step(user)
    (explanation,) = explain(person(users[9].uuid))
    assert "its breaker is open (5 failures in a row, the last http_503)" in explanation.blocked_by[0]
    assert explanation.next_try_at == Target.objects.get().blocked_until


# -- refusals in a row ------------------------------------------------------------------------


def test_a_target_in_maintenance_buries_nobody(users: list[User], sandbox: SandboxControl, patient: None) -> None:
    sandbox.faults(rates={"invalid": 1})
    for user in users:
        step(user)
    assert Target.objects.get().breaker == "open"
    assert calls(sandbox) == 10 + THE_HARMLESS_CALL
    assert not Record.objects.exclude(parked="").exists()
    sandbox.heal()
    end_the_pause()
    step(users[11])
    Target.objects.update(rate_limit=None)
    converge()
    assert held_records(sandbox) == sorted(wanted_records(), key=lambda record: record["username"])


def test_records_that_really_are_bad_end_parked_and_good_ones_get_through(
    users: list[User], sandbox: SandboxControl
) -> None:
    bad = [user.username for user in users[:15]]
    sandbox.faults(rates={"invalid": 1}, only={"usernames": bad})
    # No good one is left to show that the target is at work; the harmless call does.
    for user in users[:15]:
        step(user)
    assert Target.objects.get().breaker == "closed"
    for _ in range(3):
        drain("partner")
    assert Record.objects.filter(parked="invalid").count() == 15
    assert Record.objects.filter(state="synced").count() == 5
    assert Target.objects.get().breaker == "closed"


# -- turned away ------------------------------------------------------------------------------


def test_a_wrong_secret_pauses_the_target_and_no_record_is_parked(
    users: list[User], sandbox: SandboxControl, patient: None
) -> None:
    sandbox.faults(rates={"401": 1})
    for user in users:
        step(user)
    row = Target.objects.get()
    assert (row.paused, row.paused_by_guard) == (True, True)
    assert "http_401" in row.paused_reason
    assert calls(sandbox) == 2
    assert not Record.objects.exclude(failed_tries=0, parked="").exists()


def test_a_target_that_the_guard_paused_resumes_by_itself_once_a_probe_is_answered(
    users: list[User], sandbox: SandboxControl, patient: None
) -> None:
    sandbox.faults(rates={"401": 1})
    step(users[0])
    tasks.run_reconcile()
    assert calls(sandbox) == 2
    end_the_pause()
    tasks.run_reconcile()
    assert calls(sandbox) == 3
    assert Target.objects.get().paused
    sandbox.heal()
    end_the_pause()
    tasks.run_reconcile()
    assert (Target.objects.get().paused, Target.objects.get().breaker) == (False, "half_open")
    assert push("partner", row_of(users[0]).key) is not None
    assert Target.objects.get().breaker == "closed"


def test_a_persons_pause_is_lifted_by_a_person_alone(
    users: list[User], sandbox: SandboxControl, patient: None
) -> None:
    sandbox.faults(rates={"401": 1})
    step(users[0])
    pause("partner", reason="by hand")
    sandbox.heal()
    end_the_pause()
    tasks.run_reconcile()
    assert Target.objects.get().paused
    resume("partner")
    assert step(users[1]) is not None


def test_a_person_who_resumes_closes_the_breaker_too(
    users: list[User], sandbox: SandboxControl, patient: None
) -> None:
    sandbox.faults(rates={"503": 1})
    for user in users[:5]:
        step(user)
    sandbox.heal()
    assert resume("partner")
    assert (Target.objects.get().breaker, Target.objects.get().blocked_until) == ("closed", None)
    converge()
    assert held_records(sandbox) == sorted(wanted_records(), key=lambda record: record["username"])


def test_where_nothing_can_be_looked_up_a_second_record_decides(
    users: list[User], sandbox: SandboxControl, partner: Callable[..., None], patient: None
) -> None:
    partner(capabilities=())
    sandbox.faults(rates={"403": 1}, capabilities=[])
    step(users[0])
    assert not Target.objects.get().paused
    step(users[1])
    assert Target.objects.get().paused
    assert not Record.objects.exclude(parked="").exists()


# -- silence and rate -------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["429", "503"])
@pytest.mark.parametrize("form", ["seconds", "date"])
def test_retry_after_silences_every_worker_of_the_target(
    users: list[User], sandbox: SandboxControl, status: str, form: str
) -> None:
    wish: Any = 30 if form == "seconds" else (timezone.now() + timedelta(seconds=30)).strftime("%a, %d %b %Y %T GMT")
    sandbox.faults(rates={status: 1}, retry_after=wish)
    for user in users:
        step(user)
    assert calls(sandbox) == 1
    blocked_until = Target.objects.get().blocked_until
    assert blocked_until is not None
    assert timedelta(seconds=25) < blocked_until - timezone.now() < timedelta(seconds=31)


def test_an_absurd_retry_after_silences_for_an_hour_at_most(users: list[User], sandbox: SandboxControl) -> None:
    sandbox.faults(rates={"503": 1}, retry_after=10**8)
    step(users[0])
    blocked_until = Target.objects.get().blocked_until
    assert blocked_until is not None
    assert blocked_until - timezone.now() < timedelta(hours=1, seconds=1)


def test_429_halves_the_rate_that_is_shown(
    users: list[User], sandbox: SandboxControl, partner: Callable[..., None]
) -> None:
    partner(rate_per_second=100.0)
    sandbox.faults(rates={"429": 1}, only={"first": 1})
    step(users[0])
    assert protect.summary(Target.objects.get())["rate_per_second"] == pytest.approx(50, abs=5)


def test_the_reconciler_wakes_no_more_than_the_rate_allows_until_its_next_tick(
    users: list[User], partner: Callable[..., None], settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconcile, "ROWS_PER_DRAIN", 4)
    assert reconcile.drains_needed() == {"partner": 5}
    partner(rate_per_second=4.0)
    settings.SYNC_RECONCILE_EVERY_SECONDS = 2.0
    assert reconcile.drains_needed() == {"partner": 2}


def test_a_record_without_a_turn_is_left_as_it_was(
    users: list[User], sandbox: SandboxControl, partner: Callable[..., None]
) -> None:
    partner(rate_per_second=0.01)
    step(users[0])
    assert step(users[1]) is None
    row = row_of(users[1])
    assert (row.due_at, row.failed_tries, row.last_error) == (EPOCH, 0, "")
    assert not Attempt.objects.filter(record=row).exists()


# -- isolation --------------------------------------------------------------------------------


def test_one_targets_trouble_leaves_the_others_at_full_speed(
    sandbox: SandboxControl, settings: Any, patient: None
) -> None:
    dead = replace(settings.SYNC_TARGETS["partner"], name="parked", base_url="http://127.0.0.1:1")
    settings.SYNC_TARGETS = {"parked": dead, **settings.SYNC_TARGETS}
    targets.publish_rows()
    people = [User.objects.create(name=f"Person {n}", phone=str(n)) for n in range(20)]
    for user in people:
        push("parked", row_of(user, "parked").key)
    assert reconcile.drains_needed() == {"partner": 1}
    drain("partner")
    assert len(sandbox.users()) == 20
    stand = dict(Target.objects.values_list("name", "breaker"))
    assert stand == {"parked": "open", "partner": "closed"}
    assert Attempt.objects.filter(record__target="parked").count() == 5
    assert Target.objects.get(name="partner").rate_limit is None


# -- what is offered --------------------------------------------------------------------------


def test_a_capability_that_was_missing_is_asked_for_again_after_a_while_or_at_once_by_hand(
    users: list[User], sandbox: SandboxControl
) -> None:
    offered = targets.config("partner").capabilities
    Target.objects.update(capabilities_off=["query"], capabilities_off_until=timezone.now() + timedelta(minutes=1))
    assert not protect.admit("partner").offered(offered).query
    Target.objects.update(capabilities_off_until=timezone.now() - timedelta(seconds=1))
    assert protect.admit("partner").offered(offered).query
    Target.objects.update(capabilities_off_until=timezone.now() + timedelta(minutes=1))
    resume("partner")
    assert protect.admit("partner").offered(offered).query
