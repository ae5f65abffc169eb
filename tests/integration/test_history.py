"""What is kept of who did what: enough to know the deed, nothing of the person it was done to."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from django.contrib.admin.models import LogEntry
from django.core import serializers
from django.test import Client
from rest_framework.authtoken.models import Token
from rest_framework.test import APIClient

from users.models import User

PEOPLE = "/admin/users/user/"
DETAILS = ("张伟", "李娜", "zhangwei", "13800000001", "zw@example.org")


@pytest.fixture
def api(operator: User) -> APIClient:
    client = APIClient()
    client.force_authenticate(operator)
    return client


def form(**changes: str) -> dict[str, str]:
    return {
        "name": "张伟", "phone": "13800000001", "email": "zw@example.org", "username": "", "is_active": "on",
        "consistency": "eventual",
    } | changes  # fmt: skip


def kept() -> str:
    return json.dumps(json.loads(serializers.serialize("json", LogEntry.objects.all())), ensure_ascii=False)


def through_the_admin(web: Client, _: APIClient) -> None:
    web.post(f"{PEOPLE}add/", form())
    person = User.objects.get(name="张伟")
    web.post(f"{PEOPLE}{person.pk}/change/", form(name="李娜"))
    web.post(f"{PEOPLE}{person.pk}/delete/", {"post": "yes"})


def by_the_lists_action(web: Client, _: APIClient) -> None:
    people = [User.objects.create_user(name=name, phone="13800000001") for name in ("张伟", "李娜")]
    chosen = [str(person.pk) for person in people]
    web.post(PEOPLE, {"action": "delete_selected", "_selected_action": chosen, "confirmed": "yes"})


def through_the_api(_: Client, api: APIClient) -> None:
    body = {"name": "张伟", "phone": "13800000001", "email": "zw@example.org"}
    uuid = api.post("/api/v1/users/", body).data["uuid"]
    api.patch(f"/api/v1/users/{uuid}/", {"name": "李娜"})
    api.delete(f"/api/v1/users/{uuid}/")


@pytest.mark.parametrize("life", [through_the_admin, by_the_lists_action, through_the_api])
def test_the_history_of_somebody_deleted_keeps_none_of_their_details(
    web: Client, api: APIClient, life: Callable[[Client, APIClient], None]
) -> None:
    life(web, api)
    assert not User.objects.filter(is_superuser=False).exists()
    assert LogEntry.objects.count() >= 2
    assert [detail for detail in DETAILS if detail in kept()] == []


def test_the_history_names_a_person_by_their_uuid(web: Client) -> None:
    person = User.objects.create_user(name="张伟", phone="13800000001")
    web.post(f"{PEOPLE}{person.pk}/change/", form(username=person.username, name="李娜"))
    entry = LogEntry.objects.get()
    assert (entry.object_repr, entry.object_id) == (str(person.uuid), str(person.pk))
    assert "Changed Name" in web.get(f"{PEOPLE}{person.pk}/history/").content.decode()


def test_the_history_holds_no_key_of_the_api(web: Client, operator: User) -> None:
    web.post("/admin/authtoken/tokenproxy/add/", {"user": operator.pk})
    key = Token.objects.get().key
    web.post(f"/admin/authtoken/tokenproxy/{operator.pk}/delete/", {"post": "yes"})
    assert not Token.objects.exists()
    assert LogEntry.objects.count() == 2
    assert key not in kept()
