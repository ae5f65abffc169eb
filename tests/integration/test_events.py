"""News for the application: an attempt that ended, a record that was parked, a target that changed."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.dispatch import Signal

from tests.integration.conftest import converge, row_of
from thirdparty import attempt_finished, protect, record_parked, target_changed
from thirdparty.sandbox.client import SandboxControl
from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def heard() -> Iterator[list[tuple[str, dict[str, Any]]]]:
    told: list[tuple[str, dict[str, Any]]] = []
    names = {"attempt_finished": attempt_finished, "record_parked": record_parked, "target_changed": target_changed}

    def note(name: str) -> Any:
        return lambda sender, signal, **news: told.append((f"{name} {sender}", news))  # noqa: ARG005  # Django names it

    listeners = {name: note(name) for name in names}
    for name, listener in listeners.items():
        names[name].connect(listener)
    yield told
    for name, listener in listeners.items():
        names[name].disconnect(listener)


@pytest.fixture
def user() -> User:
    made: User = User.objects.create(name="张伟", phone="1")
    return made


def of(told: list[tuple[str, dict[str, Any]]], name: str) -> list[dict[str, Any]]:
    return [news for heading, news in told if heading == name]


def test_an_attempt_that_ended_is_told_with_its_outcome(
    user: User, sandbox: SandboxControl, heard: list[tuple[str, dict[str, Any]]]
) -> None:
    converge()
    [news] = of(heard, "attempt_finished users.user")
    assert (news["call"], news["outcome"], news["record"].key) == ("add", "ok", row_of(user).key)
    assert of(heard, "record_parked users.user") == []


def test_a_record_that_is_parked_is_told_with_the_reason(
    user: User, sandbox: SandboxControl, heard: list[tuple[str, dict[str, Any]]]
) -> None:
    sandbox.faults(rates={"400": 1})
    converge()
    [news] = of(heard, "record_parked users.user")
    assert news["record"].parked == news["reason"] == row_of(user).parked
    assert news["reason"]


def test_a_target_that_is_paused_and_resumed_is_told(heard: list[tuple[str, dict[str, Any]]]) -> None:
    protect.pause("partner", "maintenance")
    protect.resume("partner")
    assert [news["changed"] for news in of(heard, "target_changed partner")] == [{"paused": True}, {"paused": False}]


def test_a_listener_that_fails_harms_nothing_and_is_logged(
    user: User, sandbox: SandboxControl, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(**_: Any) -> None:
        raise ZeroDivisionError

    attempt_finished.connect(fail)
    try:
        with caplog.at_level(logging.ERROR, logger="thirdparty.events"):
            converge()
    finally:
        attempt_finished.disconnect(fail)
    assert row_of(user).state == "synced"
    assert "failed on an event of users.user" in caplog.text


def test_the_events_are_public() -> None:
    assert all(isinstance(signal, Signal) for signal in (attempt_finished, record_parked, target_changed))
