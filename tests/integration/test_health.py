"""Health and metrics: open, and honest about what is wrong."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client

from thirdparty import protect, targets
from thirdparty.capture import triggers
from thirdparty.models import KeptFigures, Record
from thirdparty.models.record import EPOCH
from thirdparty.notify.broker import Publisher
from thirdparty.observe import kept_figures
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


def test_however_many_ask_the_records_are_counted_once(web: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    counts: list[int] = []

    def counting() -> Any:
        counts.append(1)
        return status()

    monkeypatch.setattr("thirdparty.observe.kept_figures.status", counting)

    answers = [web.get("/metrics").content.decode() for _ in range(5)]

    assert counts == [1]
    assert all('usersync_records{state="pending",target="partner"} 0.0' in answer for answer in answers)
    assert all("usersync_figures_age_seconds" in answer for answer in answers)


def test_a_scrape_of_kept_figures_takes_one_query(web: Client, django_assert_num_queries: Any) -> None:
    web.get("/metrics")

    with django_assert_num_queries(1):
        web.get("/metrics")


def test_old_figures_are_counted_anew_by_whoever_comes_first(web: Client) -> None:
    web.get("/metrics")
    User.objects.create_user(name="Ada", phone="1")
    assert 'usersync_records{state="pending",target="partner"} 0.0' in web.get("/metrics").content.decode()

    KeptFigures.objects.update(good_until=EPOCH)

    assert 'usersync_records{state="pending",target="partner"} 1.0' in web.get("/metrics").content.decode()


def test_while_one_counts_the_others_are_answered_with_what_was_counted_before(web: Client) -> None:
    web.get("/metrics")
    KeptFigures.objects.update(good_until=EPOCH)
    User.objects.create_user(name="Ada", phone="1")

    assert kept_figures._is_ours()

    assert 'usersync_records{state="pending",target="partner"} 0.0' in web.get("/metrics").content.decode()


@pytest.mark.parametrize("ahead", [timedelta(minutes=5), timedelta(hours=10)], ids=str)
def test_figures_that_were_counted_while_the_databases_clock_was_ahead_are_counted_anew(
    web: Client, ahead: timedelta
) -> None:
    web.get("/metrics")
    then = protect.clock() + ahead
    KeptFigures.objects.update(counted_at=then, good_until=then + timedelta(seconds=10))
    User.objects.create_user(name="Ada", phone="1")

    assert 'usersync_records{state="pending",target="partner"} 1.0' in web.get("/metrics").content.decode()
    assert KeptFigures.objects.get().counted_at < protect.clock() + timedelta(seconds=1)


def test_a_turn_to_count_that_was_taken_while_the_clock_was_ahead_is_taken_anew(web: Client) -> None:
    web.get("/metrics")
    KeptFigures.objects.update(good_until=protect.clock() + timedelta(hours=10))
    User.objects.create_user(name="Ada", phone="1")

    assert 'usersync_records{state="pending",target="partner"} 1.0' in web.get("/metrics").content.decode()


def test_while_one_counts_figures_of_the_future_anew_the_others_are_told_that_they_are_old(web: Client) -> None:
    web.get("/metrics")
    then = protect.clock() + timedelta(hours=10)
    KeptFigures.objects.update(counted_at=then, good_until=then)

    assert kept_figures._is_ours()

    assert not kept_figures._is_ours()
    assert kept_figures.figures().age_seconds > timedelta(hours=9).total_seconds()
