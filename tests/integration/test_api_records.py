"""Records over the API, which knows no application: the list, the explanation, the request to look now, decisions."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from rest_framework.test import APIClient

from thirdparty import targets
from thirdparty.models import Record
from thirdparty.models.record import EPOCH
from users.models import User

RECORDS = "/api/v1/sync/records/"


@pytest.fixture
def api(db: None) -> APIClient:
    targets.publish_rows()
    client = APIClient(raise_request_exception=False)
    client.force_authenticate(User.objects.create_superuser("root"))
    return client


@pytest.fixture
def user(api: APIClient) -> User:
    return User.objects.create_user(name="Ada", phone="1")


def page(user: User) -> str:
    return f"{RECORDS}partner/users.user/{user.uuid}/"


def keys(answer: Any) -> list[str]:
    return [line["key"] for line in answer.data["results"]]


def test_records_are_listed_page_by_page_in_the_order_of_their_keys(api: APIClient) -> None:
    for number in range(5):
        User.objects.create_user(name="Ada", phone=str(number))
    wanted = list(Record.objects.order_by("key").values_list("key", flat=True))
    first = api.get(RECORDS, {"page_size": 2})
    second = api.get(first.data["next"])
    third = api.get(second.data["next"])
    assert keys(first) + keys(second) + keys(third) == wanted
    assert third.data["next"] is None
    assert keys(api.get(third.data["previous"])) == wanted[2:4]


def test_the_list_is_narrowed_to_a_state_a_kind_and_a_target(api: APIClient, user: User) -> None:
    parked = User.objects.create_user(name="Eva", phone="2")
    Record.objects.filter(object_id=parked.uuid.hex).update(parked="invalid", last_error="invalid: too long")
    (line,) = api.get(RECORDS, {"state": "parked", "kind": "users.user", "target": "partner"}).data["results"]
    assert (line["kind"], line["object_id"], line["target"]) == ("users.user", parked.uuid.hex, "partner")
    assert (line["state"], line["parked"], line["last_error"]) == ("parked", "invalid", "invalid: too long")
    assert keys(api.get(RECORDS, {"state": "synced"})) == []


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("state", "dead"), ("kind", "shop.order"), ("target", "nowhere"), ("target", "\0"), ("username", "ada1"),
        ("cursor", "cD0="), ("page_size", "501"),
    ],
)  # fmt: skip
def test_what_the_list_does_not_know_is_refused_by_name(api: APIClient, parameter: str, value: str) -> None:
    answer = api.get(RECORDS, {parameter: value})
    assert answer.status_code == 400
    assert list(answer.data["errors"]) == [parameter]


def test_the_explanation_of_a_record_says_which_object_it_is_of(api: APIClient, user: User) -> None:
    explained = api.get(page(user)).data
    assert (explained["kind"], explained["object_id"], explained["state"]) == ("users.user", user.uuid.hex, "pending")
    assert explained["wanted"]["payload"]["name"] == "Ada"
    assert explained["difference"] is None
    assert api.get(f"{RECORDS}partner/users.user/{user.uuid.hex}/").data["key"] == explained["key"]


def test_the_explanation_stays_while_the_tombstone_stands(api: APIClient, user: User) -> None:
    address = page(user)
    user.delete()
    assert api.get(address).data["deleted"] is True


@pytest.mark.parametrize(
    "address",
    [
        "nowhere/users.user/{uuid}/", "partner/shop.order/{uuid}/", "partner/users.user/17/",
        "partner/users.user/00000000-0000-0000-0000-000000000000/", "part%00ner/users.user/{uuid}/",
    ],
)  # fmt: skip
def test_what_is_no_record_is_not_found(api: APIClient, user: User, address: str) -> None:
    for answer in (
        api.get(RECORDS + address.format(uuid=user.uuid)),
        api.post(RECORDS + address.format(uuid=user.uuid)),
    ):
        assert answer.status_code == 404
        assert answer.headers["Content-Type"] == "application/problem+json"


def test_looking_now_makes_a_parked_record_due(api: APIClient, user: User) -> None:
    Record.objects.update(parked="invalid", due_at=None)
    answer = api.post(page(user))
    assert (answer.status_code, answer.data["state"]) == (202, "pending")
    assert Record.objects.get().due_at == EPOCH


def test_a_decision_is_carried_out_and_kept_with_its_reason(api: APIClient, user: User) -> None:
    Record.objects.update(parked="invalid", due_at=None)
    decision = {"deed": "settle", "seen": 1, "reason": "by phone", "remote_id": "r1"}
    answer = api.post(f"{page(user)}decisions/", decision)
    assert (answer.status_code, answer.data["state"], answer.data["remote_id"]) == (200, "synced", "r1")
    assert LogEntry.objects.get().change_message == "settle r1: by phone"


def test_a_decision_that_cannot_be_says_why_and_changes_nothing(api: APIClient, user: User) -> None:
    Record.objects.update(parked="invalid", due_at=None)
    answer = api.post(f"{page(user)}decisions/", {"deed": "retry", "seen": 0, "reason": "x"})
    assert (answer.status_code, answer.data["type"]) == (409, "urn:usersync:problem:not-decided")
    assert "has changed since you looked" in answer.data["detail"]
    assert Record.objects.get().state == "parked"


@pytest.mark.parametrize(
    ("decision", "field"),
    [
        ({"deed": "burn", "seen": 1, "reason": "x"}, "deed"),
        ({"deed": "retry", "seen": 1}, "reason"),
        ({"deed": "retry", "seen": 1, "reason": "x", "by": "me"}, "by"),
        ({"deed": "retry", "reason": "x"}, "seen"),
    ],
)
def test_a_decision_that_is_none_is_refused_with_the_field(
    api: APIClient, user: User, decision: dict[str, Any], field: str
) -> None:
    answer = api.post(f"{page(user)}decisions/", decision)
    assert (answer.status_code, list(answer.data["errors"])) == (400, [field])


@pytest.mark.parametrize("held", [None, "view_record", "decide_record"])
def test_what_it_takes_is_a_permission_over_records(user: User, held: str | None) -> None:
    staff = User.objects.create_user(name="Clerk", phone="9", is_staff=True)
    staff.user_permissions.set(Permission.objects.filter(codename=held))
    Record.objects.filter(object_id=user.uuid.hex).update(parked="invalid")
    client = APIClient(raise_request_exception=False)
    client.force_authenticate(staff)
    answers = [
        client.get(RECORDS),
        client.get(page(user)),
        client.post(f"{page(user)}decisions/", {"deed": "retry", "seen": 1, "reason": "x"}),
        client.post(page(user)),
    ]
    allowed = {None: [403] * 4, "view_record": [200, 200, 403, 403], "decide_record": [200, 200, 200, 202]}
    assert [answer.status_code for answer in answers] == allowed[held]
