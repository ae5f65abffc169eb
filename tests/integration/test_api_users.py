"""Users over the API: what is saved, what is refused, who may."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.contrib.auth.models import Group, Permission
from rest_framework.authtoken.models import Token
from rest_framework.test import APIClient

from thirdparty import targets
from thirdparty.api.kinds import Kind
from thirdparty.models import Record
from thirdparty.models.record import State
from users.models import User

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

    assert Record.objects.get(object_id=user.uuid.hex).deleted
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


@pytest.mark.parametrize(("field", "value"), [("uuid", str(UUID(int=7))), ("date_joined", "2020-01-01"), ("sync", [])])
@pytest.mark.parametrize("method", ["post", "patch", "put"])
def test_a_field_that_cannot_be_written_is_named_and_refused(
    api: APIClient, method: str, field: str, value: Any
) -> None:
    user = person()
    before = User.objects.filter(pk=user.pk).values().get()

    answer = getattr(api, method)(PEOPLE if method == "post" else page(user), ZHANG | {field: value})

    if (method, field) == ("put", "sync"):  # what was read may be put back, and this moves by itself
        assert answer.status_code == 200
        return
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == [field]
    assert User.objects.filter(pk=user.pk).values().get() == before
    assert not User.objects.filter(name=ZHANG["name"]).exists()


def test_a_put_gives_what_it_does_not_name_the_value_that_a_new_user_has(api: APIClient) -> None:
    user = person(email="ada@example.org", is_active=False, username="ada")
    user.groups.add(Group.objects.create(name="Sales"))

    answer = api.put(page(user), {"name": "Ada"})

    assert answer.status_code == 200
    user.refresh_from_db()
    assert (user.name, user.phone, user.email, user.is_active, user.username) == ("Ada", "", "", True, "ada")
    assert not user.groups.exists()


def test_a_put_takes_what_a_new_user_may_leave_blank(api: APIClient) -> None:
    user = person(username="ada")

    assert api.put(page(user), {"name": "Ada", "phone": "", "email": "", "username": ""}).status_code == 200
    assert api.put(page(user), {"phone": "1"}).json()["errors"] == {"name": ["This field is required."]}
    assert User.objects.get(pk=user.pk).username == "ada"


def test_a_created_user_is_answered_with_their_address(api: APIClient) -> None:
    answer = api.post(PEOPLE, ZHANG)

    assert answer["Location"] == f"{PEOPLE}{answer.data['uuid']}/"
    assert api.get(answer["Location"]).data == answer.data


def test_who_does_not_say_who_they_are_gets_401(api: APIClient) -> None:
    answer = APIClient().get(PEOPLE)

    assert answer.status_code == 401
    assert answer["Content-Type"] == "application/problem+json"
    assert answer["WWW-Authenticate"] == 'Bearer realm="usersync", Token realm="usersync"'


@pytest.mark.parametrize(("scheme", "status"), [("Bearer", 200), ("bearer", 200), ("Token", 200), ("Basic", 401)])
def test_a_key_is_a_bearers_or_a_token(operator: User, scheme: str, status: int) -> None:
    key = Token.objects.create(user=operator).key

    assert APIClient().get(PEOPLE, headers={"authorization": f"{scheme} {key}"}).status_code == status
    assert APIClient().get(PEOPLE, headers={"authorization": f"{scheme} {key[::-1]}"}).status_code == 401


def test_who_is_not_staff_gets_403() -> None:
    client = APIClient()
    client.force_authenticate(person())

    answer = client.post(PEOPLE, ZHANG)

    assert answer.status_code == 403
    assert answer.json()["title"] == "Forbidden"


def test_staff_may_use_a_session() -> None:
    client = APIClient()
    staff = person(is_staff=True)
    staff.user_permissions.add(Permission.objects.get(codename="view_user"))
    client.force_login(staff)

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
        ("sync_state=parked", {"Grace"}),
        ("sync_state=parked&target=partner", {"Grace"}),
        ("sync_state=synced&target=partner", set()),
        ("target=partner", {"Ada Lovelace", "张伟", "Grace"}),
        ("username=adalovelace44201", {"Ada Lovelace"}),
        ("username=adalovelace", set()),
        ("phone=13800000001", {"张伟"}),
        ("phone=138", set()),
        ("email=ADA@example.org", {"Ada Lovelace"}),
        ("email=ada", set()),
        ("group=Sales", {"张伟"}),
        ("group=Nobody", set()),
        ("is_active=true", {"Ada Lovelace", "张伟"}),
        ("is_active=false", {"Grace"}),
        ("is_active=true&group=Sales&username=nobody", set()),
    ],
)
def test_the_list_is_narrowed_by(api: APIClient, query: str, names: set[str]) -> None:
    person(email="ada@example.org")
    person(**ZHANG).groups.add(Group.objects.create(name="Sales"))
    grace = person(name="Grace", phone="7", is_active=False)
    Record.objects.filter(object_id=grace.uuid.hex).update(parked="invalid")

    assert {user["name"] for user in api.get(f"{PEOPLE}?{query}").data["results"]} == names


def test_a_uuid_finds_its_user(api: APIClient) -> None:
    user = person()
    person(name="Grace")

    for parameter in ("search", "uuid"):
        found = api.get(f"{PEOPLE}?{parameter}={user.uuid}").data["results"]
        assert [each["name"] for each in found] == [user.name]


@pytest.mark.parametrize(
    "query", ["user_name=ada", "Username=ada", "is_staff=true", "username=", "username=a&username=b"]
)
def test_a_parameter_that_would_be_passed_over_is_refused(api: APIClient, query: str) -> None:
    person(username="ada")

    answer = api.get(f"{PEOPLE}?{query}")

    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == [query.partition("=")[0]]


def test_a_parameter_that_is_not_known_is_answered_with_those_that_are(api: APIClient) -> None:
    user = person()

    said = api.get(f"{PEOPLE}?user=ada").json()["errors"]["user"][0]
    assert all(name in said for name in ("username", "phone", "email", "is_active", "group", "uuid", "page_size"))
    for method, path in [("get", page(user)), ("patch", page(user)), ("delete", page(user)), ("post", PEOPLE)]:
        answer = getattr(api, method)(f"{path}?dry_run=true", None if method == "get" else ZHANG)
        assert list(answer.json()["errors"]) == ["dry_run"]
    assert User.objects.filter(is_superuser=False).count() == 1


def test_every_kind_of_problem_has_a_type_of_its_own_that_is_documented(api: APIClient) -> None:
    user = person()
    answers = {
        "invalid": api.post(PEOPLE, {"name": ""}),
        "unreadable": api.generic("POST", PEOPLE, "{", content_type="application/json"),
        "unauthenticated": APIClient().get(PEOPLE),
        "not-found": api.get(f"{PEOPLE}{uuid4()}/"),
        "method-not-allowed": api.put(PEOPLE, ZHANG),
        "not-acceptable": api.get(PEOPLE, headers={"accept": "text/xml"}),
        "unsupported-media-type": api.generic("POST", PEOPLE, "name=Ada", content_type="text/plain"),
        "changed-since": api.patch(page(user), {"phone": "5"}, headers={"if-match": '"x"'}),
    }

    assert {kind: answer.json()["type"] for kind, answer in answers.items()} == {
        kind: f"urn:usersync:problem:{kind}" for kind in answers
    }
    documented = (Path(__file__).parents[2] / "docs" / "api.md").read_text()
    assert [kind.value for kind in Kind if f"`{kind}`" not in documented] == []


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

    with django_assert_max_num_queries(5):
        answer = api.get(PEOPLE)

    assert all(user["sync"][0]["state"] == State.PENDING for user in answer.data["results"])


def _escaped(text: str) -> str:
    return "".join(char if char.isascii() else f"\\u{ord(char):04x}" for char in text)
