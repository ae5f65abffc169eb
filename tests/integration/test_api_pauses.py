"""Pausing and resuming a target through the API: as the admin's page and the command line do it."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from rest_framework.test import APIClient

from thirdparty import protect, targets
from thirdparty.models import Target
from users.models import User

pytestmark = pytest.mark.django_db
PARTNER = "/api/v1/sync/targets/partner/"


@pytest.fixture
def olga() -> APIClient:
    targets.publish_rows()
    client = APIClient()
    client.force_authenticate(User.objects.create_superuser("olga"))
    return client


def test_a_pause_holds_and_says_who_and_why(olga: APIClient) -> None:
    answer = olga.post(f"{PARTNER}pause/", {"reason": "they move house"})

    assert answer.status_code == 200
    assert answer.json() == {
        "target": "partner", "paused": True, "paused_reason": "they move house", "paused_by": "olga",
    }  # fmt: skip
    assert Target.objects.get().paused
    assert LogEntry.objects.get().get_change_message() == "paused: they move house"


def test_a_target_that_is_resumed_is_sent_to_again(olga: APIClient) -> None:
    protect.pause("partner", "they move house")

    answer = olga.post(f"{PARTNER}resume/", {"reason": "they are back"})

    assert answer.json()["paused"] is False
    assert not Target.objects.get().paused
    assert LogEntry.objects.get().get_change_message() == "resumed: they are back"


def test_nothing_is_paused_without_a_reason_or_for_a_field_that_is_none(olga: APIClient) -> None:
    for body in ({}, {"reason": ""}, {"reason": "x" * 201}, {"reason": "x", "until": "noon"}):
        assert olga.post(f"{PARTNER}pause/", body).status_code == 400
    assert not Target.objects.get().paused


@pytest.mark.parametrize("deed", ["pause", "resume"])
@pytest.mark.parametrize("name", ["nowhere", "a%00b"])
def test_a_target_that_there_is_not_is_not_found(olga: APIClient, deed: str, name: str) -> None:
    assert olga.post(f"/api/v1/sync/targets/{name}/{deed}/", {"reason": "x"}).status_code == 404
