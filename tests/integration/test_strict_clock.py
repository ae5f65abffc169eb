"""The times of strict writes are the database's: a web server whose clock is wrong makes them all the same."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db.models import DurationField, ExpressionWrapper, F
from django.db.models.functions import Now
from django.utils import timezone
from rest_framework.authtoken.models import Token
from rest_framework.test import APIClient

from tests.integration.conftest import held_records, wanted_records
from tests.integration.strictly import STRICT, Killed, converge, create, expire
from thirdparty.consistency.strict import applying, longest_seconds, taking_back
from thirdparty.consistency.strict.errors import Underway
from thirdparty.models import StrictWrite
from thirdparty.sandbox.client import SandboxControl
from users import consistency, services
from users.models import IdempotentResponse, User


@pytest.fixture(autouse=True)
def _short_pauses(settings: Any) -> None:
    settings.SYNC_WAIT_PAUSE_SECONDS = 0.02


@pytest.fixture(params=[-2, 60], ids=["2 minutes behind", "60 minutes ahead"])
def wrong_clock(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """This process's clock; the database's, on SQLite too, is another."""
    off, real = timedelta(minutes=request.param), timezone.now
    monkeypatch.setattr(timezone, "now", lambda: real() + off)


def test_strict_writes_are_accepted(sandbox: SandboxControl, wrong_clock: None) -> None:
    user = create()
    consistency.update(user.uuid, {"name": "李娜"}, consistency=STRICT)
    assert held_records(sandbox) == wanted_records()
    consistency.delete(user.uuid, consistency=STRICT)
    assert sandbox.users() == []


def crashed_update(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    def die(*_: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(applying, "apply", die)
        patch.setattr(taking_back, "take_back", lambda _: False)
        with pytest.raises(Killed):
            consistency.update(user.uuid, {"name": "李娜"}, consistency=STRICT)


def test_one_whose_process_died_stands_for_its_time_by_the_databases_clock(
    sandbox: SandboxControl, wrong_clock: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = create()
    crashed_update(user, monkeypatch)
    left = ExpressionWrapper(F("expires_at") - Now(), DurationField())
    standing = StrictWrite.objects.annotate(left=left).get()
    assert timedelta(0) < standing.left <= timedelta(seconds=longest_seconds())
    with pytest.raises(Underway) as underway:
        services.update_user(user.uuid, phone="555")
    assert 1 <= underway.value.retry_after_seconds <= longest_seconds()


def test_once_that_is_over_it_is_taken_back(
    sandbox: SandboxControl, wrong_clock: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = create()
    crashed_update(user, monkeypatch)
    assert taking_back.sweep() == 0
    expire()
    assert taking_back.sweep() == 1
    converge()
    assert User.objects.get().name == "张伟"
    assert held_records(sandbox) == wanted_records()


def test_one_whose_end_lies_further_ahead_than_any_can_is_taken_back(
    sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database's clock was ahead when it was opened."""
    user = create()
    crashed_update(user, monkeypatch)
    StrictWrite.objects.update(expires_at=Now() + timedelta(hours=10))
    assert taking_back.sweep() == 1
    converge()
    assert User.objects.get().name == "张伟"
    assert held_records(sandbox) == wanted_records()


def test_a_write_meets_no_strict_write_whose_end_lies_further_ahead_than_any_can(
    sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = create()
    crashed_update(user, monkeypatch)
    StrictWrite.objects.update(expires_at=Now() + timedelta(hours=10))
    assert services.update_user(user.uuid, phone="13800000009").phone == "13800000009"


def test_one_that_stands_for_its_longest_is_left_standing(
    sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = create()
    crashed_update(user, monkeypatch)
    StrictWrite.objects.update(expires_at=Now() + timedelta(seconds=longest_seconds()))
    assert taking_back.sweep() == 0


def test_a_key_that_a_dead_request_took_is_free_after_the_same_time(
    sandbox: SandboxControl, wrong_clock: None
) -> None:
    operator = User.objects.create_superuser("root")
    api = APIClient(raise_request_exception=False)
    api.credentials(HTTP_AUTHORIZATION=f"Token {Token.objects.create(user=operator).key}")

    def send() -> int:
        answer = api.post("/api/v1/users/", {"name": "Ada", "phone": "1"}, HTTP_IDEMPOTENCY_KEY="k")
        return int(answer.status_code)

    assert send() == 201
    age = ExpressionWrapper(Now() - F("kept_at"), DurationField())
    assert abs(IdempotentResponse.objects.annotate(age=age).get().age) < timedelta(minutes=1)
    IdempotentResponse.objects.update(status=None)
    User.objects.filter(is_superuser=False).delete()
    assert send() == 409
    IdempotentResponse.objects.update(kept_at=Now() - timedelta(seconds=longest_seconds() + 31))
    assert send() == 201


def test_a_key_that_a_dead_request_took_while_the_clock_was_ahead_is_free(sandbox: SandboxControl) -> None:
    operator = User.objects.create_superuser("root")
    api = APIClient()
    api.credentials(HTTP_AUTHORIZATION=f"Token {Token.objects.create(user=operator).key}")
    person = {"name": "Ada", "phone": "1"}
    assert api.post("/api/v1/users/", person, HTTP_IDEMPOTENCY_KEY="k").status_code == 201
    User.objects.filter(is_superuser=False).delete()
    IdempotentResponse.objects.update(status=None, kept_at=Now() + timedelta(hours=10))
    assert api.post("/api/v1/users/", person, HTTP_IDEMPOTENCY_KEY="k").status_code == 201
