"""A backlog and the guard: a drain asks for admission as every single push does."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from tests.integration.conftest import effects, held_records, row_of, wanted_records
from tests.integration.turns import fullest_second
from thirdparty.connectors.http.session import Answer, HttpSession
from thirdparty.models import Attempt, Record, Target
from thirdparty.models.record import EPOCH
from thirdparty.protect import Admission
from thirdparty.run.drain import drain
from thirdparty.run.push import push
from thirdparty.sandbox.client import SandboxControl
from thirdparty.settings import settings as engine
from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)

PEOPLE = 300


@pytest.fixture
def people(sandbox: SandboxControl) -> list[User]:
    return User.objects.bulk_create(User(name="x", phone=str(n)) for n in range(PEOPLE))


def requests(sandbox: SandboxControl) -> list[dict[str, Any]]:
    return [entry for entry in sandbox.ledger() if entry["kind"] == "request"]


def test_a_drain_of_a_failing_target_stops_after_the_calls_that_were_under_way(
    people: list[User], sandbox: SandboxControl, settings: Any
) -> None:
    settings.SYNC_BREAKER_SECONDS = settings.SYNC_BREAKER_MAX_SECONDS = 3600.0
    settings.SYNC_DRAIN_THREADS = 8
    sandbox.faults(rates={"503": 1})
    drained = drain("partner")
    assert Target.objects.get().breaker == "open"
    under_way = 2 * 2 * 8  # two handfuls of two for each thread, where the first answers are slow to come
    assert len([entry for entry in requests(sandbox) if entry["call"] == "add"]) <= under_way
    assert drained.look_in_seconds is not None
    assert Record.objects.filter(due_at=EPOCH, failed_tries=0).count() >= PEOPLE - under_way


def test_a_drain_whose_probes_are_answered_goes_on_by_itself(
    people: list[User], sandbox: SandboxControl, settings: Any
) -> None:
    settings.SYNC_DRAIN_THREADS = 8
    Target.objects.update(breaker="open", blocked_until=timezone.now() - timedelta(seconds=1))
    drain("partner", seconds=60)
    assert Target.objects.get().breaker == "closed"
    assert held_records(sandbox) == sorted(wanted_records(), key=lambda record: record["username"])
    assert len(effects(sandbox)) == PEOPLE


def test_a_backlog_never_exceeds_the_rate_and_an_edit_goes_before_it(
    people: list[User],
    sandbox: SandboxControl,
    partner: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    partner(rate_per_second=100.0)
    send, began = HttpSession.send, []

    def noted(*args: Any, **options: Any) -> Answer:
        began.append(time.monotonic())
        return send(*args, **options)

    monkeypatch.setattr(HttpSession, "send", noted)
    Record.objects.update(due_at=timezone.now() - timedelta(seconds=1))
    edited = people[-1]
    User.objects.filter(pk=edited.pk).update(name="edited")
    assert row_of(edited).due_at == EPOCH
    drain("partner", seconds=60)
    called = requests(sandbox)
    # In the first handful; within one, nobody is first.
    assert edited.username in {entry["username"] for entry in called[: engine.SYNC_DRAIN_THREADS]}
    assert len(called) == PEOPLE
    # Our own moments: a third party that is short of time counts what waited before it as one burst.
    assert fullest_second(sorted(began)) <= 105


def test_a_missing_turn_spends_no_try(people: list[User], sandbox: SandboxControl, monkeypatch: Any) -> None:
    came = iter([False])
    monkeypatch.setattr(Admission, "await_turn", lambda *_: next(came, True))
    drain("partner", seconds=60)
    assert len(effects(sandbox)) == PEOPLE
    assert Attempt.objects.filter(reason="turn_missed").count() == 1
    assert not Record.objects.exclude(failed_tries=0).exists()


def test_a_target_that_refuses_everybody_while_a_drain_runs_buries_nobody(
    people: list[User], sandbox: SandboxControl, settings: Any
) -> None:
    settings.SYNC_BREAKER_SECONDS = settings.SYNC_BREAKER_MAX_SECONDS = 3600.0
    sandbox.faults(rates={"invalid": 1})
    drain("partner")
    assert Target.objects.get().breaker == "open"
    assert not Record.objects.exclude(parked="").exists()


def test_a_probe_whose_turn_was_missed_is_given_back(
    sandbox: SandboxControl, partner: Callable[..., None], monkeypatch: Any
) -> None:
    partner(rate_per_second=100.0)
    user = User.objects.create(name="x", phone="1")
    Target.objects.update(breaker="open", blocked_until=timezone.now() - timedelta(seconds=1))
    came = iter([False] * 3)
    monkeypatch.setattr(Admission, "await_turn", lambda *_: next(came, True))
    assert push("partner", row_of(user).key) is not None
    assert Target.objects.get().breaker == "closed"
