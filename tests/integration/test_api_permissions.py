"""Who may do what through the API, how often, and what cannot be slipped in along with a person."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core.cache import cache
from rest_framework.test import APIClient
from rest_framework.throttling import UserRateThrottle

from users.models import User

PEOPLE = "/api/v1/users/"
SOMEBODY = f"{PEOPLE}6f4b1c1e-4d62-4d0e-8a0c-3a1b9a6b9f10/"
CALLS = [
    ("get", PEOPLE),
    ("post", PEOPLE),
    ("get", SOMEBODY),
    ("put", SOMEBODY),
    ("patch", SOMEBODY),
    ("delete", SOMEBODY),
    ("get", f"{SOMEBODY}sync/"),
    ("post", f"{SOMEBODY}sync/"),
    ("get", "/api/v1/sync/status/"),
    ("get", "/api/v1/sync/targets/partner/brake/"),
    ("post", "/api/v1/sync/targets/partner/brake/"),
    ("post", "/api/v1/sync/targets/partner/pause/"),
    ("post", "/api/v1/sync/targets/partner/resume/"),
]


@pytest.fixture
def staff(db: None) -> APIClient:
    client = APIClient()
    account = User.objects.create_user(name="Staff", phone="0", is_staff=True)
    account.user_permissions.set(Permission.objects.filter(content_type__app_label__in=["users", "thirdparty"]))
    client.force_authenticate(account)
    return client


@pytest.mark.django_db
@pytest.mark.parametrize(("method", "path"), CALLS)
def test_nothing_is_open_to_strangers_or_to_people_who_are_no_staff(method: str, path: str) -> None:
    client = APIClient()
    assert getattr(client, method)(path).status_code == 401
    client.force_authenticate(User.objects.create_user(name="Person", phone="1"))
    assert getattr(client, method)(path).status_code == 403


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_staff_who_hold_every_permission_may_do_all_of_it(staff: APIClient, method: str, path: str) -> None:
    assert getattr(staff, method)(path).status_code not in (401, 403)


def test_staff_who_are_no_longer_active_may_do_nothing(staff: APIClient) -> None:
    key = APIClient()
    user = User.objects.get(name="Staff")
    user.is_active = False
    user.save()
    key.force_login(user)
    assert key.get(PEOPLE).status_code == 401


@pytest.mark.parametrize(
    "field", ["is_superuser", "is_staff", "password", "user_permissions", "id", "last_login", "parked", "remote_id"]
)
@pytest.mark.parametrize("method", ["post", "patch", "put"])
def test_what_is_not_a_persons_to_give_is_refused_by_name(staff: APIClient, method: str, field: str) -> None:
    user = User.objects.create_user(name="Person", phone="1")
    before = User.objects.filter(pk=user.pk).values().get()
    path = PEOPLE if method == "post" else f"{PEOPLE}{user.uuid}/"
    answer = getattr(staff, method)(path, {"name": "Person", "phone": "2", field: True})
    assert answer.status_code == 400
    assert field in answer.json()["errors"]
    assert User.objects.filter(pk=user.pk).values().get() == before
    assert not User.objects.filter(phone="2").exists()


def test_operators_cannot_be_reached_through_the_api(staff: APIClient) -> None:
    root = User.objects.create_superuser("root")
    assert staff.get(f"{PEOPLE}{root.uuid}/").status_code == 404
    for method in ("put", "patch", "delete"):
        assert getattr(staff, method)(f"{PEOPLE}{root.uuid}/", {"name": "Mine", "phone": "1"}).status_code == 404


@pytest.mark.parametrize(("method", "path"), [(method, path) for method, path in CALLS if method != "get"])
def test_an_oversized_body_is_refused_wherever_it_is_sent(
    staff: APIClient, settings: Any, method: str, path: str
) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    body = b'{"name": "' + b"x" * 2000 + b'"}'
    answer = getattr(staff, method)(path, body, content_type="application/json")
    # Where there is no body to read, none is read.
    assert answer.status_code in (413, 404)
    assert answer["Content-Type"] == "application/problem+json"


@pytest.fixture
def three_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    cache.clear()
    monkeypatch.setattr(UserRateThrottle, "THROTTLE_RATES", {"user": "3/min"})


def test_who_asks_too_often_is_told_when_to_come_back(staff: APIClient, three_a_minute: None) -> None:
    answers = [staff.get(PEOPLE) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert answers[-1]["Content-Type"] == "application/problem+json"
    assert 0 < int(answers[-1]["Retry-After"]) <= 60


def test_who_asks_too_often_is_in_nobody_elses_way(staff: APIClient, three_a_minute: None) -> None:
    for _ in range(4):
        staff.get(PEOPLE)
    other = APIClient()
    other.force_authenticate(User.objects.create_superuser("other"))
    assert other.get(PEOPLE).status_code == 200
