"""What people ask of a target: only if they ask for it, never past the guard, never so much that it hurts anybody."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from tests.integration.conftest import at_once, converge, row_of
from thirdparty import targets
from thirdparty.connectors.base import RemoteRecord
from thirdparty.connectors.errors import Transient
from thirdparty.models import Record, Target
from thirdparty.observe import inquiry
from thirdparty.observe.explain import explain
from thirdparty.sandbox.client import SandboxControl
from users.models import User
from users.synced import person


@pytest.fixture
def user(sandbox: SandboxControl) -> User:
    user = User.objects.create(name="张伟", phone="13800000001")
    converge()
    return user


@pytest.fixture
def api(db: None) -> APIClient:
    client = APIClient()
    client.force_authenticate(User.objects.create_superuser("root"))
    return client


def questions(sandbox: SandboxControl) -> int:
    return sum(entry["kind"] == "request" and entry["path"].endswith("/query") for entry in sandbox.ledger())


def asked(user: User) -> Any:
    (explained,) = explain(person(user.uuid), ask_target=True)
    return explained


def asked_in_turn(user: User) -> Any:
    """As `asked`, again where this machine was too slow for its turn."""
    explained = asked(user)
    while "its turn had passed" in explained.difference_note:
        long_ago()
        explained = asked(user)
    return explained


def long_ago() -> None:
    """The last question is longer ago than the interval."""
    Record.objects.update(asked_at=timezone.now() - timedelta(seconds=inquiry.INTERVAL_SECONDS + 1))


def test_a_hundred_explanations_ask_the_target_nothing(user: User, api: APIClient, sandbox: SandboxControl) -> None:
    before = questions(sandbox)
    for _ in range(100):
        (explained,) = api.get(f"/api/v1/users/{user.uuid}/sync/").data
    assert (explained["difference"], explained["difference_note"]) == (None, "the target was not asked")
    assert questions(sandbox) == before


def test_a_hundred_that_have_it_asked_ask_once(user: User, api: APIClient, sandbox: SandboxControl) -> None:
    before = questions(sandbox)
    notes = [
        api.get(f"/api/v1/users/{user.uuid}/sync/?ask_target=true").data[0]["difference_note"] for _ in range(100)
    ]
    assert notes[0] == ""
    # Nobody has to be fast here: whoever takes more than the interval may ask again.
    assert notes[1].startswith("the target was not asked: it was, about this record, less than")
    assert questions(sandbox) - before == notes.count("") < 100


def test_it_is_asked_again_after_a_while(user: User, sandbox: SandboxControl) -> None:
    assert asked(user).difference == ()
    sandbox.edit(sandbox.users()[0]["userId"], name="李娜")
    long_ago()
    assert [(item.field, item.found) for item in asked(user).difference] == [("name", "李娜")]


def test_a_clock_that_was_set_back_keeps_nobody_from_asking(user: User, sandbox: SandboxControl) -> None:
    Record.objects.update(asked_at=timezone.now() + timedelta(hours=1))
    assert asked(user).difference == ()


@pytest.mark.parametrize(
    ("standing", "why"),
    [
        ({"paused": True}, "paused"),
        ({"breaker": "open", "blocked_until": timedelta(hours=1)}, "breaker open"),
        ({"blocked_until": timedelta(hours=1)}, "the target asked to be left alone"),
        ({"enabled": False}, "the target is not enabled"),
    ],
    ids=["paused", "breaker", "silence", "not enabled"],
)
def test_a_target_that_gets_nothing_gets_no_questions(
    user: User, api: APIClient, sandbox: SandboxControl, standing: dict[str, Any], why: str
) -> None:
    moments = {name: timezone.now() + value for name, value in standing.items() if isinstance(value, timedelta)}
    Target.objects.update(**(standing | moments))
    before = questions(sandbox)
    for _ in range(2):
        (explained,) = api.get(f"/api/v1/users/{user.uuid}/sync/?ask_target=true").data
        assert explained["difference_note"] == f"the target was not asked: {why}"
        assert explained["difference"] is None
    assert questions(sandbox) == before


def test_a_question_takes_its_turn_where_the_target_has_a_rate(
    user: User, sandbox: SandboxControl, partner: Callable[..., None]
) -> None:
    partner(rate_per_second=0.1)
    long_ago()
    explained = asked_in_turn(user)
    assert explained.difference == (), explained.difference_note
    taken = Target.objects.get().next_slot_at
    assert taken is not None
    long_ago()
    assert asked(user).difference_note == "the target was not asked: the rate is used up"
    assert Target.objects.get().next_slot_at == taken


def test_questions_that_fail_open_the_breaker_as_any_call_does(sandbox: SandboxControl, settings: Any) -> None:
    settings.SYNC_BREAKER_SECONDS = settings.SYNC_BREAKER_MAX_SECONDS = 60.0
    people = [User.objects.create(name="张伟", phone=str(number)) for number in range(6)]
    converge()
    sandbox.faults(rates={"503": 1})
    notes = [asked(person).difference_note for person in people]
    assert Target.objects.get().breaker == "open"
    assert notes[4].startswith("the target did not say: http_503")
    assert notes[5] == "the target was not asked: breaker open"


def test_a_question_that_is_answered_shows_the_target_well_again(user: User, sandbox: SandboxControl) -> None:
    parked = User.objects.create(name="李娜", phone="2")
    Record.objects.filter(object_id=parked.uuid.hex).update(parked="invalid", due_at=None)
    key = row_of(parked).key
    Target.objects.update(breaker="half_open", refused_keys=[key], refused_for="invalid")
    assert asked(user).difference == ()
    assert Target.objects.get().breaker == "closed"
    assert row_of(parked).parked == ""


@pytest.mark.django_db(transaction=True)
def test_an_unanswered_question_holds_up_two_callers_of_a_process_and_no_more(
    user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    asking = threading.Semaphore(0)
    answer = threading.Event()
    calls: list[str] = []

    class Frozen:
        def secrets(self) -> tuple[str, ...]:
            return ()

        def find(self, **key: str) -> RemoteRecord | None:
            calls.extend(key)
            asking.release()
            answer.wait(30)
            raise Transient("timeout")

    others = [User.objects.create(name="李娜", phone=str(number)) for number in range(8)]
    monkeypatch.setattr("thirdparty.targets.connector", lambda _name, _kind: Frozen())

    def held_up(person: User) -> Callable[[], str]:
        return lambda: str(asked(person).difference_note)

    def not_held_up() -> str:
        for _ in range(inquiry.AT_ONCE):
            asking.acquire()
        try:
            return ", ".join({str(asked(person).difference_note) for person in others[2:]})
        finally:
            answer.set()

    waited = [held_up(person) for person in others[: inquiry.AT_ONCE]]
    *failed, refused = at_once(*waited, not_held_up)
    assert refused == "the target was not asked: others are waiting for its answers at this moment; try again"
    assert failed == ["the target did not say: timeout"] * inquiry.AT_ONCE
    assert len(calls) == inquiry.AT_ONCE


def test_a_target_that_cannot_be_queried_is_not_asked(
    user: User, sandbox: SandboxControl, partner: Callable[..., None]
) -> None:
    before = questions(sandbox)
    partner(capabilities=())
    assert asked(user).difference_note == "the target cannot be queried"
    assert questions(sandbox) == before


def test_a_target_whose_look_up_is_off_for_the_moment_is_not_asked(
    user: User, sandbox: SandboxControl, settings: Any
) -> None:
    before = questions(sandbox)
    settings.SYNC_BREAKER_MAX_SECONDS = 60.0
    Target.objects.update(capabilities_off=["query"], capabilities_off_until=timezone.now() + timedelta(minutes=1))
    assert "answers it as if it did not" in asked(user).difference_note
    assert questions(sandbox) == before


def test_the_command_line_asks_if_it_is_told_to(user: User, sandbox: SandboxControl) -> None:
    def explained(*options: str) -> Any:
        out = StringIO()
        call_command("sync", "explain", user.username, "--json", *options, stdout=out)
        return json.loads(out.getvalue())[0]

    before = questions(sandbox)
    assert explained()["difference_note"] == "the target was not asked"
    assert questions(sandbox) == before
    assert explained("--ask")["difference"] == []


def test_the_admins_page_asks_by_its_button_alone(user: User, sandbox: SandboxControl) -> None:
    web = Client()
    web.force_login(User.objects.create_superuser("root"))
    page = f"/admin/users/user/{user.pk}/change/"
    before = questions(sandbox)
    assert 'href="?ask=1"' in web.get(page).content.decode()
    assert questions(sandbox) == before
    assert "Exactly as wanted" in web.get(f"{page}?ask=1").content.decode()


def test_a_record_that_is_somebody_elses_by_now_is_not_taken_for_ours(user: User, sandbox: SandboxControl) -> None:
    sandbox.edit(sandbox.users()[0]["userId"], externalId="somebody-else", username="other")
    assert [(item.field, item.found) for item in asked(user).difference] == [("record", "absent")]


def test_a_target_that_left_the_settings_is_said_to_have_left(user: User, settings: Any) -> None:
    settings.SYNC_TARGETS = {}
    assert asked(user).difference_note == "the target was not asked: it is not configured"
    assert targets.names() == []
