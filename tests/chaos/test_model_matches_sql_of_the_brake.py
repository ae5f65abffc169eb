"""What the model says of the brake is what its statements do: on every row that it reaches, on this database."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import transaction
from django.db.models.functions import Now

from tests.chaos.model import holding
from tests.chaos.model.decision import key_of, lease
from tests.chaos.model.materialised import put, seen
from tests.chaos.model.row import Held, Row
from tests.chaos.model.uses import USE
from tests.chaos.test_model_matches_sql import asked_of, step
from thirdparty import store, targets
from thirdparty.connectors.leaving import Leaving, OnLeave
from thirdparty.decide.brake import HELD_BY_BRAKE, Change
from thirdparty.decide.plan import Call
from thirdparty.decisions import brake as decisions
from thirdparty.models import Brake, BrakeEntry
from thirdparty.protect import brake
from thirdparty.run import step as steps
from thirdparty.run.destruction import Effect

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(900), pytest.mark.xdist_group("model sql")]


@pytest.fixture(autouse=True)
def _in_use(settings: Any) -> None:
    settings.SYNC_BRAKE_MIN = 1_000
    targets.publish_rows()


def latches(*, latched: bool) -> None:
    Brake.objects.all().delete()
    Brake.objects.create(target=USE.target, latched_at=Now() if latched else None)


def noted() -> bool:
    """Whether the row's entry says that it is held."""
    return BrakeEntry.objects.filter(record=key_of(0), held=True).exists()


def note(*, held: bool) -> None:
    BrakeEntry.objects.all().delete()
    BrakeEntry.objects.create(record=key_of(0), target=USE.target, at=Now(), change=Change.DELETE, held=held)


def real_word(mine: Held) -> str:
    """What the brake says to a worker that is about to delete the record."""
    about = lease(step(mine))
    with transaction.atomic():
        [(_, call, obstacle)] = steps._braked(
            targets.config(USE.target), [(about, Call.DELETE, None)], {about.key: Effect(Change.DELETE)}
        )
    if isinstance(obstacle, steps.Braked):
        return "hold"
    return "wait" if call is Call.WAIT else "go"


def test_what_takes_something_away_is_held_put_off_or_goes() -> None:
    for (row, mine, latched), word in asked_of(holding.told, at_least=50).items():
        put(row, has_user=False)
        latches(latched=latched)
        note(held=not latched)
        assert real_word(mine) == word, (row, mine, latched)
        asks = not holding.is_let_go(row, mine)
        assert noted() == (latched if asks else not latched), (row, mine, latched)


def test_what_waits_for_a_person(monkeypatch: pytest.MonkeyPatch) -> None:
    for (row, leaving), waits in asked_of(holding.waits, at_least=50).items():
        put(row, has_user=False)
        monkeypatch.setattr(brake, "leaving", lambda _target, leaving=leaving: leaving)
        found = [each.key for each in decisions._waiting(USE.target, decisions.ALL, limit=10)]
        assert found == [key_of(0)] * waits, (row, leaving)


def test_each_policy_of_who_leaves_is_asked_about() -> None:
    policies = {leaving for _, leaving in asked_of(holding.waits)}
    assert {Leaving(), Leaving(OnLeave.DEACTIVATE)} < policies


def test_a_release() -> None:
    for (row,), expected in asked_of(holding.release, at_least=20).items():
        put(row, has_user=False)
        assert store.held.release([key_of(0)]) == [key_of(0)] * (expected != row or row.released), row
        assert seen() == expected, row


def test_a_rejection() -> None:
    for (row,), expected in asked_of(holding.reject, at_least=20).items():
        put(row, has_user=False)
        assert store.held.reject([key_of(0)], "somebody") == [key_of(0)] * (expected != row), row
        assert seen() == expected, row


def test_what_is_held_while_the_brake_is_off_is_taken_up() -> None:
    for (row,), expected in asked_of(holding.wake, at_least=50).items():
        put(row, has_user=False)
        latches(latched=False)
        assert store.held.wake(10) == (expected != row), row
        assert seen() == expected, row


def test_nothing_is_taken_up_while_the_brake_is_on() -> None:
    row = Row(parked=HELD_BY_BRAKE, due="none")
    put(row, has_user=False)
    latches(latched=True)
    assert (store.held.wake(10), seen()) == (0, row)


def test_what_is_yet_to_be_held() -> None:
    for (row, is_noted), expected in asked_of(holding.is_being_held, at_least=50).items():
        put(row, has_user=False)
        note(held=is_noted)
        assert store.held.being_held(USE.target) == expected, (row, is_noted)


@pytest.mark.parametrize("rejected", [False, True], ids=["released", "rejected"])
def test_the_brake_goes_off_once_nothing_waits(*, rejected: bool) -> None:
    for (row, is_noted), being_held in asked_of(holding.is_being_held).items():
        put(row, has_user=False)
        latches(latched=True)
        note(held=is_noted)
        decisions._unlatch_if_nothing_waits(USE.target, rejected=rejected)
        stays = holding.waits(row, brake.leaving(USE.target)) or (rejected and being_held)
        assert brake.latched(USE.target) == stays, (row, is_noted)
