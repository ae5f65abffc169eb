"""The admin: what its pages show, what may be done on them, and by whom."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.utils import quote
from django.contrib.auth.models import Group, Permission
from django.db import connection
from django.test import Client
from rest_framework.authtoken.models import Token

from thirdparty.capture import triggers
from thirdparty.declaration import Synced, registry
from thirdparty.models import Attempt, Record, Target
from thirdparty.models.record import EPOCH
from users.models import RoleMapping, User

USERS = "/admin/users/user/"
RECORDS = "/admin/thirdparty/record/"


@pytest.fixture
def clerk(web: Client) -> Client:
    """Staff who may change people, and nothing else."""
    staff = User.objects.create_user(name="Clerk", phone="9", is_staff=True)
    staff.user_permissions.set(Permission.objects.filter(codename__in=["view_user", "change_user", "delete_user"]))
    client = Client()
    client.force_login(staff)
    return client


def person(**values: Any) -> User:
    return User.objects.create_user(**({"name": "Ada", "phone": "1"} | values))


def record(user: User) -> Record:
    return Record.objects.get(object_id=user.uuid.hex)


def change_page(user: User) -> str:
    return f"{USERS}{user.pk}/change/"


def form_of(user: User, **changes: Any) -> dict[str, Any]:
    fields = {"name": user.name, "phone": user.phone, "email": user.email, "is_active": "on"}
    return {name: value for name, value in (fields | changes).items() if value is not None}


@pytest.mark.parametrize(
    "page",
    [
        "/admin/",
        USERS,
        f"{USERS}add/",
        f"{USERS}?kind=operators",
        f"{USERS}?sync_state=pending&target=partner&is_active__exact=1&q=ada",
        RECORDS,
        f"{RECORDS}?sync_state=pending&target=partner&q=ada",
        "/admin/thirdparty/attempt/?target=partner&q=x",
        "/admin/users/rolemapping/",
        "/admin/admin/logentry/?q=ada",
        "/admin/users/rolemapping/add/",
        "/admin/auth/group/",
        "/admin/auth/group/add/",
        "/admin/thirdparty/target/",
        "/admin/thirdparty/target/partner/change/",
        "/admin/authtoken/tokenproxy/",
        "/admin/authtoken/tokenproxy/add/",
    ],
)
def test_the_page_opens(web: Client, page: str) -> None:
    user = person()
    row = record(user)
    Attempt.objects.create(record=row, lease_token="t", call="add", generation=1, started_at=EPOCH)
    Token.objects.create(user=user)
    RoleMapping.objects.create(group=Group.objects.create(name="Sales"), target="partner", remote_role_id="17")

    assert web.get(page).status_code == 200


def test_a_person_added_by_hand_is_owed_to_every_target(web: Client) -> None:
    group = Group.objects.create(name="Sales")

    web.post(f"{USERS}add/", {"name": "张伟", "phone": "13800000001", "is_active": "on", "groups": [group.pk]})

    user = User.objects.get(username="zhangwei13800000001")
    assert not user.has_usable_password()
    assert list(user.groups.all()) == [group]
    assert record(user).state == "pending"


@pytest.mark.parametrize(
    "values", [{"name": ""}, {"name": "x" * 300}, {"name": "a\x00"}, {"phone": "phone"}, {"email": "nobody"}]
)
def test_a_bad_value_is_an_error_of_the_form(web: Client, values: dict[str, str]) -> None:
    answer = web.post(f"{USERS}add/", {"name": "Ada", "phone": "1", "is_active": "on"} | values)

    assert answer.status_code == 200
    assert list(answer.context["adminform"].form.errors) == list(values)
    assert not User.objects.filter(is_superuser=False).exists()


def test_a_change_by_hand_is_owed_and_leaves_the_username(web: Client) -> None:
    user = person()

    web.post(change_page(user), form_of(user, name="Eva", username="other"))

    user.refresh_from_db()
    assert (user.name, user.username) == ("Eva", "ada1")
    assert record(user).generation == 2


def test_deleting_by_hand_leaves_a_tombstone(web: Client) -> None:
    user = person()

    web.post(f"{USERS}{user.pk}/delete/", {"post": "yes"})

    assert not User.objects.filter(pk=user.pk).exists()
    assert record(user).deleted


def test_deleting_a_selection_leaves_tombstones(web: Client) -> None:
    users = [person(), person(phone="2")]

    web.post(USERS, {"action": "delete_selected", "_selected_action": [user.pk for user in users], "confirmed": "yes"})

    assert Record.objects.filter(deleted=True).count() == 2


def test_the_page_of_a_person_explains_their_records(web: Client) -> None:
    user = person(name="<b>Ada</b>")
    Record.objects.update(parked="invalid", last_error="invalid: phone too long")

    page = web.get(change_page(user)).content.decode()

    assert "phone too long" in page
    assert "Look at it now" in page
    assert "<b>Ada</b>" not in page


def test_the_target_is_asked_only_on_demand(web: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(
        "thirdparty.observe.explain._difference", lambda row, _wanted: asked.append(row.key) or (None, "")
    )
    user = person()

    web.get(change_page(user))
    assert asked == []
    web.get(f"{change_page(user)}?ask=1")
    assert asked == [record(user).key]


def test_the_page_of_a_record_leads_to_its_user(web: Client) -> None:
    user = person()
    page = f"{RECORDS}{record(user).key}/change/"

    assert change_page(user) in web.get(page).content.decode()
    user.delete()
    assert web.get(page).status_code == 200


def test_the_page_of_a_record_explains_it_once_in_unfolds_dress_too(web: Client) -> None:
    page = web.get(f"{RECORDS}{quote(record(person()).key)}/change/").content.decode()
    assert page.count("Look at it now") == 1
    assert "thirdparty/admin.css" in page


def test_a_record_is_found_by_what_we_call_it_at_the_targets(web: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    class Team(Synced[Group]):
        key = "name"

    monkeypatch.setitem(registry._declared, Team.kind, Team())
    group = Group.objects.create(name="Readers")
    ref = registry.of_kind("auth.group").ref_of(group)
    row = Record.objects.create(
        key=ref.key("partner"), target="partner", kind=ref.kind, object_id=ref.object_id, wanted_key="Readers"
    )
    called = registry.of_kind("auth.group").external_id(ref.object_id)
    assert called.endswith(f".auth.group.{group.pk}")
    assert list(web.get(RECORDS, {"q": called}).context["cl"].result_list) == [row]


def test_a_record_is_found_by_its_objects_uuid_in_any_form(web: Client) -> None:
    user = person()
    person(phone="2")
    for text in (str(user.uuid), user.uuid.hex, f" {str(user.uuid).upper()} "):
        assert list(web.get(RECORDS, {"q": text}).context["cl"].result_list) == [record(user)]
    (found,) = web.get(RECORDS, {"kind": "users.user", "q": "ada2"}).context["cl"].result_list
    assert found.wanted_key == "ada2"


def test_the_list_of_records_leads_to_their_explanations(web: Client) -> None:
    key = record(person()).key
    page = web.get(RECORDS).content.decode()
    address = f"{RECORDS}{quote(key)}/change/"
    assert address in page
    assert "ada1" in web.get(address).content.decode()


def test_looking_at_a_record_takes_a_post(web: Client) -> None:
    user = person()
    Record.objects.update(parked="invalid", due_at=None)
    address = f"{RECORDS}{record(user).key}/look-now/"

    assert web.get(address).status_code == 405
    assert record(user).due_at is None
    assert web.post(address).headers["Location"] == f"{RECORDS}{record(user).key}/change/"
    assert record(user).due_at == EPOCH


def test_a_selection_of_records_is_looked_at(web: Client) -> None:
    rows = [record(person()), record(person(phone="2"))]
    Record.objects.update(parked="invalid", due_at=None)

    web.post(RECORDS, {"action": "look_now", "_selected_action": [row.key for row in rows], "confirmed": "yes"})

    assert Record.objects.filter(due_at=EPOCH, parked="").count() == 2


def test_records_and_attempts_cannot_be_edited(web: Client) -> None:
    row = record(person())

    assert web.post(f"{RECORDS}{row.key}/change/", {"parked": "x"}).status_code == 403
    assert web.post(f"{RECORDS}{row.key}/delete/", {"post": "yes"}).status_code == 403
    assert web.get("/admin/thirdparty/attempt/add/").status_code == 403


def test_a_target_is_paused_with_a_reason_and_nothing_else_changes(web: Client) -> None:
    web.post("/admin/thirdparty/target/partner/pause/", {"confirmed": "yes", "reason": "noon", "enabled": ""})
    paused = Target.objects.get()
    assert (paused.paused, paused.paused_reason, paused.enabled) == (True, "noon", True)

    web.post("/admin/thirdparty/target/partner/resume/", {"confirmed": "yes", "reason": "one"})
    assert not Target.objects.get().paused


def test_a_role_is_mapped_for_a_target_that_exists(web: Client) -> None:
    group = Group.objects.create(name="Sales")

    web.post("/admin/users/rolemapping/add/", {"group": group.pk, "target": "nowhere", "remote_role_id": "1"})
    assert not RoleMapping.objects.exists()
    web.post("/admin/users/rolemapping/add/", {"group": group.pk, "target": "partner", "remote_role_id": "1"})
    assert RoleMapping.objects.get().target == "partner"


def test_missing_triggers_are_loud_on_the_first_page(web: Client) -> None:
    assert "Changes are not recorded" not in web.get("/admin/").content.decode()

    triggers.drop(connection)

    assert "Changes are not recorded" in web.get("/admin/").content.decode()


def test_people_and_operators_are_listed_apart(web: Client, operator: User) -> None:
    user = person()

    assert list(web.get(USERS).context["cl"].result_list) == [user]
    assert list(web.get(f"{USERS}?kind=operators").context["cl"].result_list) == [operator]


@pytest.mark.parametrize("page", [USERS, RECORDS, "/admin/thirdparty/attempt/"])
def test_a_list_takes_the_same_number_of_queries_however_long(
    web: Client, django_assert_max_num_queries: Any, page: str
) -> None:
    for number in range(20):
        row = record(person(phone=str(number)))
        Attempt.objects.create(record=row, lease_token="t", call="add", generation=1, started_at=EPOCH)

    with django_assert_max_num_queries(8):
        web.get(page)


def test_staff_cannot_make_themselves_operators(clerk: Client) -> None:
    staff, user = User.objects.get(name="Clerk"), person()

    clerk.post(change_page(user), form_of(user, is_superuser="on", is_staff="on"))
    assert clerk.post(change_page(staff), form_of(staff, is_superuser="on")).status_code == 403

    user.refresh_from_db()
    assert not user.is_superuser
    assert not user.is_staff


@pytest.mark.parametrize("page", ["change/", "delete/", "password/"])
def test_staff_cannot_touch_operators(clerk: Client, operator: User, page: str) -> None:
    assert clerk.post(f"{USERS}{operator.pk}/{page}", form_of(operator, name="Mallory", post="yes")).status_code == 403

    operator.refresh_from_db()
    assert operator.name == "root"


def test_staff_do_not_see_keys(clerk: Client) -> None:
    assert clerk.get("/admin/authtoken/tokenproxy/").status_code == 403


def test_a_synced_person_has_no_password_page(web: Client) -> None:
    assert web.get(f"{USERS}{person().pk}/password/").status_code == 403
    assert web.get(f"{USERS}{person(phone='2', is_staff=True).pk}/password/").status_code == 200


def test_who_may_not_change_people_may_not_have_records_looked_at(web: Client) -> None:
    staff = person(is_staff=True)
    staff.user_permissions.set(Permission.objects.filter(codename="view_record"))
    Record.objects.update(due_at=None)
    client = Client()
    client.force_login(staff)

    assert client.get(f"{RECORDS}{record(staff).key}/change/").status_code == 200
    assert client.post(f"{RECORDS}{record(staff).key}/look-now/").status_code == 403
    client.post(RECORDS, {"action": "look_now", "_selected_action": [record(staff).key], "confirmed": "yes"})
    assert record(staff).due_at is None
