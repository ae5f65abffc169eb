"""The explanation, the request to look now, and the state of the whole, over the API."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from tests.integration.conftest import row_of
from thirdparty import targets
from thirdparty.connectors.base import Payload, RemoteRecord, fields_of
from thirdparty.models import Record, Target
from thirdparty.models.record import EPOCH
from users.models import User


class Holding:
    """A target that answers every look-up with one record."""

    def __init__(self, external_id: str, key: str, **held: str) -> None:
        self.record = RemoteRecord("r1", external_id, key, {"phone": "1", "email": "", "role_ids": [], **held})

    def find(self, **key: str) -> RemoteRecord:
        assert len(key) == 1
        return self.record

    def comparable(self, payload: Payload) -> dict[str, Any]:
        return fields_of(payload)


@pytest.fixture
def api(db: None) -> APIClient:
    targets.publish_rows()
    client = APIClient(raise_request_exception=False)
    client.force_authenticate(User.objects.create_superuser("root"))
    return client


@pytest.fixture
def user(api: APIClient) -> User:
    return User.objects.create_user(name="Ada", phone="1")


def sync_page(user: User) -> str:
    return f"/api/v1/users/{user.uuid}/sync/"


def test_the_explanation_shows_what_the_target_holds_otherwise(
    api: APIClient, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    connector = Holding(str(user.uuid), "ada1", name="Eva")
    monkeypatch.setattr("thirdparty.targets.connector", lambda _name, _kind: connector)

    (explained,) = api.get(f"{sync_page(user)}?ask_target=true").data

    assert explained["difference"] == [{"field": "name", "wanted": "Ada", "found": "Eva"}]
    assert explained["wanted"]["payload"]["name"] == "Ada"
    assert (explained["target"], explained["state"], explained["attempts"]) == ("partner", "pending", [])


def test_the_target_is_left_alone_where_it_is_not_to_be_asked(
    api: APIClient, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unexpected(_name: str, _kind: str) -> None:
        raise AssertionError

    monkeypatch.setattr("thirdparty.targets.connector", unexpected)

    answer = api.get(sync_page(user))

    assert answer.status_code == 200
    assert answer.data[0]["difference"] is None


def test_what_stands_in_the_way_is_said(api: APIClient, user: User) -> None:
    Target.objects.update(paused=True, paused_reason="maintenance")

    (explained,) = api.get(f"{sync_page(user)}?ask_target=false").data

    assert explained["blocked_by"] == ["target partner is paused: maintenance"]


def test_looking_now_makes_a_parked_record_due(api: APIClient, user: User) -> None:
    Record.objects.update(parked="invalid", due_at=None)

    answer = api.post(sync_page(user))

    assert answer.status_code == 202
    assert answer.data[0]["state"] == "pending"
    assert Record.objects.get(object_id=user.uuid.hex).due_at == EPOCH


def test_a_user_without_records_has_an_empty_explanation(api: APIClient, user: User) -> None:
    Record.objects.all().delete()

    assert api.get(sync_page(user)).data == []
    assert api.post(sync_page(user)).status_code == 202


def test_the_status_counts_records_by_state(api: APIClient, user: User, at_work: None) -> None:
    parked = User.objects.create_user(name="Eva", phone="2")
    Record.objects.filter(object_id=parked.uuid.hex).update(parked="invalid")

    report = api.get("/api/v1/sync/status/").data

    counts = report["targets"]["partner"]
    oldest = counts.pop("oldest_unsynced_seconds")
    assert 0 <= oldest < 60
    assert counts.pop("oldest_unsynced_record") == row_of(user).key
    assert counts == {
        "pending": 1, "in_flight": 0, "unknown": 0, "synced": 0, "parked": 1, "held": 0, "left": 0, "deleted": 0,
        "outdated": 0, "standing": "active", "behind_since": None,
        "breaker": "closed", "breaker_reason": "", "paused": False, "paused_reason": "",
        "blocked_until": None, "rate_per_second": None, "capabilities_off": [],
        "brake_latched_since": None, "brake_reason": "", "rejected": 0,
        "drift": 0, "drift_by_verdict": [], "audit_age_seconds": None, "audit_failure": "", "at_least": [],
        "next_probe_at": None,
        "acknowledged_last_hour": 0, "percent_in_time_last_hour": None, "failed_last_hour": 0,
        "failed_by_outcome_last_hour": {},
        "acknowledged_last_day": 0, "percent_in_time_last_day": None, "failed_last_day": 0,
        "failed_by_outcome_last_day": {},
    }  # fmt: skip
    assert [reason["code"] for reason in report["reasons"] if reason["severity"] == "act"] == ["parked"]
    assert report["healthy"] is False


@pytest.mark.parametrize(
    "trouble",
    [
        lambda: Target.objects.update(paused=True),
        lambda: Target.objects.update(breaker="open"),
        lambda: Target.objects.update(enabled=False),
        lambda: Record.objects.update(owed_since=timezone.now() - timedelta(hours=2)),
    ],
    ids=["paused", "breaker open", "not recorded", "owed for too long"],
)
def test_the_whole_is_not_healthy_when(api: APIClient, user: User, trouble: Any, at_work: None) -> None:
    assert api.get("/api/v1/sync/status/").data["healthy"] is True
    trouble()

    assert api.get("/api/v1/sync/status/").data["healthy"] is False


def test_the_openapi_pages_are_open_to_everyone(db: None) -> None:
    assert APIClient().get("/api/schema/").status_code == 200
    assert APIClient().get("/api/docs/").status_code == 200
