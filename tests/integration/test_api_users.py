"""Users over the API: what is saved, what is refused, who may."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Group
from rest_framework.authtoken.models import Token
from rest_framework.test import APIClient

from thirdparty import targets
from users.models import User, UserSync
from users.models.sync import State

PEOPLE = "/api/v1/users/"
ZHANG = {"name": "张伟", "phone": "13800000001"}


@pytest.fixture(autouse=True)
def _published(db: None) -> None:
    targets.publish_rows()


@pytest.fixture
def operator() -> User:
    return User.objects.create_superuser("root")


@pytest.fixture
def api(operator: User) -> APIClient:
    client = APIClient(raise_request_exception=False)
    client.credentials(HTTP_AUTHORIZATION=f"Token {Token.objects.create(user=operator).key}")
    return client


def person(**values: Any) -> User:
    return User.objects.create_user(**({"name": "Ada Lovelace", "phone": "+44 20 1"} | values))


def page(user: User) -> str:
    return f"{PEOPLE}{user.uuid}/"


def test_a_created_user_is_answered_with_what_is_owed_to_each_target(api: APIClient) -> None:
    answer = api.post(PEOPLE, ZHANG | {"email": "zw@example.org"})

    assert answer.status_code == 201
    saved = User.objects.get(uuid=answer.data["uuid"])
    assert (saved.name, saved.phone, saved.email, saved.is_active) == ("张伟", "13800000001", "zw@example.org", True)
    assert answer.data["username"] == saved.username == "zhangwei13800000001"
    assert answer.data["sync"] == [
        {"target": "partner", "state": "pending", "generation": 1, "synced_generation": 0, "remote_id": None}
    ]


def test_a_created_user_cannot_log_in(api: APIClient) -> None:
    api.post(PEOPLE, ZHANG)

    saved = User.objects.get(name="张伟")
    assert not saved.has_usable_password()
    assert not saved.is_staff


def test_groups_are_given_and_answered_by_name(api: APIClient) -> None:
    Group.objects.create(name="Sales")
    Group.objects.create(name="Ärzte")

    answer = api.post(PEOPLE, ZHANG | {"groups": ["Ärzte", "Sales"]})

    assert answer.data["groups"] == ["Sales", "Ärzte"]
    assert User.objects.get(name="张伟").groups.count() == 2


def test_a_patch_changes_what_it_names_and_leaves_the_rest(api: APIClient) -> None:
    user = person(email="ada@example.org")
    user.groups.add(Group.objects.create(name="Sales"))

    answer = api.patch(page(user), {"phone": "555"})

    assert answer.status_code == 200
    user.refresh_from_db()
    assert (user.name, user.phone, user.email) == ("Ada Lovelace", "555", "ada@example.org")
    assert user.groups.count() == 1


def test_what_was_read_can_be_put_back_whole(api: APIClient) -> None:
    user = person()
    read = api.get(page(user)).data

    answer = api.put(page(user), read)

    assert answer.status_code == 200
    assert answer.data == read


def test_an_unknown_group_saves_nothing(api: APIClient) -> None:
    user = person()

    answer = api.patch(page(user), {"name": "Somebody Else", "groups": ["Nobody"]})

    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == ["groups"]
    user.refresh_from_db()
    assert user.name == "Ada Lovelace"


def test_a_saved_username_cannot_be_changed(api: APIClient) -> None:
    user = person()

    answer = api.patch(page(user), {"username": "other"})

    assert answer.status_code == 400
    assert answer.json()["errors"] == {"username": ["A username cannot be changed."]}


def test_a_username_that_is_taken_is_a_field_error(api: APIClient) -> None:
    person(username="ada")

    answer = api.post(PEOPLE, ZHANG | {"username": "ada"})

    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == ["username"]


def test_a_deleted_user_leaves_a_tombstone_that_is_still_explained(api: APIClient) -> None:
    user = person()

    assert api.delete(page(user)).status_code == 204

    assert UserSync.objects.get(user_uuid=user.uuid).deleted
    assert api.get(page(user)).status_code == 404
    explained = api.get(f"{page(user)}sync/")
    assert explained.status_code == 200
    assert explained.data[0]["deleted"] is True
    assert explained.data[0]["wanted"] is None


def test_operators_are_neither_listed_nor_reachable(api: APIClient, operator: User) -> None:
    person()

    assert [user["username"] for user in api.get(PEOPLE).data["results"]] == ["adalovelace44201"]
    assert api.get(page(operator)).status_code == 404
    assert api.patch(page(operator), {"name": "Mallory"}).status_code == 404
    assert api.delete(page(operator)).status_code == 404
    assert api.get(f"{page(operator)}sync/").status_code == 404


@pytest.mark.parametrize("field", ["is_superuser", "is_staff", "password", "id", "user_permissions", "\ud800"])
def test_a_field_that_does_not_exist_is_named_and_refused(api: APIClient, field: str) -> None:
    answer = api.post(
        PEOPLE, f'{{"name": "A", "phone": "1", "{_escaped(field)}": true}}', content_type="application/json"
    )

    assert answer.status_code == 400
    assert len(answer.json()["errors"]) == 1
    assert not User.objects.filter(name="A").exists()


def test_read_only_fields_are_passed_over(api: APIClient) -> None:
    other = uuid4()

    answer = api.post(PEOPLE, ZHANG | {"uuid": str(other), "sync": []})

    assert answer.status_code == 201
    assert not User.objects.filter(uuid=other).exists()


def test_who_does_not_say_who_they_are_gets_401(api: APIClient) -> None:
    answer = APIClient().get(PEOPLE)

    assert answer.status_code == 401
    assert answer["Content-Type"] == "application/problem+json"
    assert answer["WWW-Authenticate"] == "Token"


def test_who_is_not_staff_gets_403() -> None:
    client = APIClient()
    client.force_authenticate(person())

    answer = client.post(PEOPLE, ZHANG)

    assert answer.status_code == 403
    assert answer.json()["title"] == "Forbidden"


def test_staff_may_use_a_session() -> None:
    client = APIClient()
    client.force_login(person(is_staff=True))

    assert client.get(PEOPLE).status_code == 200


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("search=lovelace", {"Ada Lovelace"}),
        ("search=伟", {"张伟"}),
        ("search=13800", {"张伟"}),
        ("search=zhangwei", {"张伟"}),
        ("search=ada@example", {"Ada Lovelace"}),
        ("search=%25", set()),
        ("sync_state=pending", {"Ada Lovelace", "张伟"}),
        ("sync_state=dead", {"Grace"}),
        ("sync_state=dead&target=partner", {"Grace"}),
        ("sync_state=synced&target=partner", set()),
        ("target=partner", {"Ada Lovelace", "张伟", "Grace"}),
    ],
)
def test_the_list_is_narrowed_by(api: APIClient, query: str, names: set[str]) -> None:
    person(email="ada@example.org")
    person(**ZHANG)
    grace = person(name="Grace", phone="7")
    UserSync.objects.filter(user_uuid=grace.uuid).update(parked="invalid")

    assert {user["name"] for user in api.get(f"{PEOPLE}?{query}").data["results"]} == names


def test_a_uuid_finds_its_user(api: APIClient) -> None:
    user = person()
    person(name="Grace")

    assert [found["name"] for found in api.get(f"{PEOPLE}?search={user.uuid}").data["results"]] == [user.name]


def test_pages_are_followed_to_the_end_and_back(api: APIClient) -> None:
    for number in range(5):
        person(name=f"P{number}")

    first = api.get(f"{PEOPLE}?page_size=2").data
    second = api.get(first["next"]).data
    third = api.get(second["next"]).data

    assert [len(part["results"]) for part in (first, second, third)] == [2, 2, 1]
    assert first["previous"] is None
    assert third["next"] is None
    assert api.get(second["previous"]).data["results"] == first["results"]


def test_a_page_takes_the_same_number_of_queries_however_long(
    api: APIClient, django_assert_max_num_queries: Any
) -> None:
    group = Group.objects.create(name="Sales")
    for number in range(20):
        person(name=f"P{number}").groups.add(group)

    with django_assert_max_num_queries(4):
        answer = api.get(PEOPLE)

    assert all(user["sync"][0]["state"] == State.PENDING for user in answer.data["results"])


def _escaped(text: str) -> str:
    return "".join(char if char.isascii() else f"\\u{ord(char):04x}" for char in text)
