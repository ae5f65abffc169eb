"""Health and metrics: open, and honest about what is wrong."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client

from thirdparty import targets
from thirdparty.capture import triggers
from thirdparty.models import Record
from thirdparty.notify.broker import Publisher
from thirdparty.observe.status import status
from users.models import User

NO_REASONS: list[str] = []


@pytest.fixture
def web(at_work: None) -> Client:
    targets.publish_rows()
    return Client()


def test_a_living_process_says_so(web: Client) -> None:
    assert web.get("/health/live/").json() == {"live": True}


def test_ready_where_changes_are_recorded(web: Client) -> None:
    assert web.get("/health/ready/").json() == {"ready": True, "reasons": [], "warnings": []}


def test_a_broker_that_is_down_is_a_warning_only(web: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("thirdparty.notify.broker.has_application", lambda: True)
    monkeypatch.setattr(Publisher, "down", True)

    answer = web.get("/health/ready/")

    assert answer.status_code == 200
    assert len(answer.json()["warnings"]) == 1


def test_not_ready_without_triggers(web: Client) -> None:
    triggers.drop(connection)

    answer = web.get("/health/ready/")

    assert answer.status_code == 503
    assert "thirdparty_users_user__users_user__insert" in answer.json()["reasons"][0]


def test_not_ready_while_a_target_is_not_recorded_for(web: Client, settings: Any) -> None:
    settings.SYNC_TARGETS = {**settings.SYNC_TARGETS, "saas": settings.SYNC_TARGETS["partner"]}

    answer = web.get("/health/ready/")

    assert answer.status_code == 503
    assert "saas" in answer.json()["reasons"][0]


def test_a_target_that_is_away_is_a_warning_only_since_what_changes_goes_on_being_recorded(
    web: Client, settings: Any
) -> None:
    named, settings.SYNC_TARGETS = settings.SYNC_TARGETS, {}
    targets.publish_rows()
    settings.SYNC_TARGETS = named

    answer = web.get("/health/ready/")

    assert answer.status_code == 200
    assert any("partner: It is away" in warning for warning in answer.json()["warnings"])
    assert not status().healthy
    assert Record.objects.filter(object_id=User.objects.create(name="Ada").uuid.hex, due_at__isnull=False).exists()


def test_not_ready_without_a_database(web: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable() -> list[str]:
        raise OperationalError("password=secret")

    monkeypatch.setattr(triggers, "missing", unreachable)

    answer = web.get("/health/ready/")

    assert answer.status_code == 503
    assert answer.json()["reasons"] == ["the database does not answer"]


def test_the_metrics_tell_what_the_status_tells(web: Client) -> None:
    User.objects.create_user(name="Ada", phone="1")

    lines = web.get("/metrics").content.decode().splitlines()

    assert 'usersync_records{state="pending",target="partner"} 1.0' in lines
    assert 'usersync_target_paused{target="partner"} 0.0' in lines
    assert "usersync_triggers_missing 0.0" in lines
    assert "usersync_healthy 1.0" in lines
    assert not any("Ada" in line for line in lines)


def test_the_root_leads_to_the_admin(web: Client) -> None:
    assert web.get("/").headers["Location"] == "/admin/"
