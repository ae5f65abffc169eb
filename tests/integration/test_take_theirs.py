"""What the target's own people edited is taken over here: seen first, decided with a reason, and level afterwards."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission
from django.core.management import call_command
from django.test import Client
from rest_framework.test import APIClient

from tests.integration.conftest import converge, held_records, row_of, wanted_records
from tests.integration.test_audit import BY_LOOK_UP, Offer, audited, offer, remote
from thirdparty.admin.badge import record_page
from thirdparty.decisions.accept_preview import preview_accept
from thirdparty.decisions.compensation import CannotCompensate, Deed, compensate
from thirdparty.models import Finding, Record
from thirdparty.models.audit import Ahead
from thirdparty.observe.explain import explain
from thirdparty.sandbox.client import SandboxControl
from users.models import RoleMapping, User

pytestmark = pytest.mark.django_db(transaction=True)
__all__ = ["offer"]


@pytest.fixture
def operator(sandbox: SandboxControl) -> User:
    return User.objects.create_superuser("root")


@pytest.fixture
def web(operator: User, at_work: None) -> Client:
    client = Client()
    client.force_login(operator)
    return client


@pytest.fixture
def user(sandbox: SandboxControl, offer: Offer) -> User:
    offer(*BY_LOOK_UP)
    made: User = User.objects.create_user(name="张伟", phone="13800000001")
    converge()
    return made


@pytest.fixture
def edited_there(user: User, sandbox: SandboxControl) -> User:
    """The partner gave them another phone, and an audit found it."""
    sandbox.edit(remote(sandbox, user), phone="999")
    audited()
    assert Finding.objects.get().ahead == Ahead.THEIRS
    return user


def page_of(web: Client, user: User, query: str = "") -> str:
    return web.get(record_page(row_of(user).key) + query).content.decode()


def take_theirs(user: User) -> str:
    return f"{record_page(row_of(user).key).removesuffix('change/')}take-theirs/?seen={row_of(user).generation}"


def form_of(answer: Any) -> dict[str, Any]:
    form = answer.context["form"]
    return {name: form[name].value() or "" for name in form.fields}


def test_what_an_audit_found_edited_there_is_offered_shown_and_taken(
    web: Client, edited_there: User, sandbox: SandboxControl
) -> None:
    assert row_of(edited_there).state == "synced"
    assert take_theirs(edited_there).replace("&", "&amp;") in page_of(web, edited_there)
    shown = web.get(take_theirs(edited_there))
    assert [(str(each.field), each.here, each.then) for each in shown.context["preview"].changes] == [
        ("phone", "13800000001", "999")
    ]
    edited_there.refresh_from_db()
    assert edited_there.phone == "13800000001"

    web.post(shown.context["decide"], form_of(shown) | {"reason": "they rang us"})
    converge()

    edited_there.refresh_from_db()
    assert (edited_there.phone, row_of(edited_there).state) == ("999", "synced")
    assert held_records(sandbox) == wanted_records()
    assert explain(row_of(edited_there).ref)[0].finding is None
    told = [entry.change_message for entry in LogEntry.objects.filter(object_id=row_of(edited_there).key)]
    assert told == ["accept: they rang us"]


def test_what_a_question_shows_is_offered_too(web: Client, user: User, sandbox: SandboxControl) -> None:
    sandbox.edit(remote(sandbox, user), phone="999")
    assert "take-theirs" not in page_of(web, user)
    assert "take-theirs" in page_of(web, user, "?ask=1")


def test_a_record_that_does_not_differ_has_nothing_to_take(user: User, operator: User) -> None:
    before = Record.objects.values().get()
    with pytest.raises(CannotCompensate, match="there is nothing to take"):
        compensate(before["key"], Deed.ACCEPT, account=operator, seen=before["generation"], reason="why")
    assert Record.objects.values().get() == before


def test_what_was_edited_there_after_the_preview_is_not_taken_unseen(
    edited_there: User, operator: User, sandbox: SandboxControl
) -> None:
    row = row_of(edited_there)
    preview = preview_accept(row.key, account=operator, seen=row.generation)
    sandbox.edit(remote(sandbox, edited_there), phone="777")
    with pytest.raises(CannotCompensate, match="something else by now"):
        compensate(row.key, Deed.ACCEPT, account=operator, seen=preview.seen, reason="why", held=preview.held)
    edited_there.refresh_from_db()
    assert edited_there.phone == "13800000001"


def test_a_preview_names_relations_and_writes_nothing(user: User, operator: User, sandbox: SandboxControl) -> None:
    RoleMapping.objects.create(group=Group.objects.create(name="Sales"), target="partner", remote_role_id="7")
    converge()
    sandbox.edit(remote(sandbox, user), roleIds=["7"])
    row = row_of(user)
    preview = preview_accept(row.key, account=operator, seen=row.generation)
    assert [(str(each.field), each.here, each.then) for each in preview.changes] == [("groups", [], ["Sales"])]
    assert list(user.groups.all()) == []
    assert row_of(user).generation == row.generation
    assert not LogEntry.objects.exists()


def test_what_cannot_be_taken_says_why_on_the_way(web: Client, user: User, sandbox: SandboxControl) -> None:
    sandbox.edit(remote(sandbox, user), roleIds=["77"])
    answer = web.get(take_theirs(user), follow=True)
    assert any("role 77" in str(message) for message in answer.context["messages"])
    assert answer.redirect_chain[-1][0] == record_page(row_of(user).key)


def test_who_may_only_see_is_offered_nothing_and_gets_no_preview(edited_there: User, at_work: None) -> None:
    staff = User.objects.create_user(name="Clerk", phone="9", is_staff=True)
    staff.user_permissions.set(Permission.objects.filter(codename="view_record"))
    client = Client()
    client.force_login(staff)
    assert "take-theirs" not in page_of(client, edited_there)
    assert client.get(take_theirs(edited_there)).status_code == 403


def by_api(user: User, operator: User) -> None:
    client = APIClient()
    client.force_authenticate(operator)
    row = row_of(user)
    address = f"/api/v1/sync/records/partner/users.user/{row.object_id}/decisions/"
    answer = client.post(address, {"deed": "accept", "seen": row.generation, "reason": "why"})
    assert answer.status_code == 200, answer.data


def by_command(user: User, operator: User) -> None:
    words = [
        "compensate",
        "accept",
        user.username,
        "--target",
        "partner",
        "--by",
        operator.username,
        "--reason",
        "why",
    ]
    call_command("sync", *words, stdout=StringIO())


@pytest.mark.parametrize("take", [by_api, by_command])
def test_it_is_taken_over_api_and_command_line_as_well(
    edited_there: User, operator: User, sandbox: SandboxControl, take: Callable[[User, User], None]
) -> None:
    take(edited_there, operator)
    converge()
    edited_there.refresh_from_db()
    assert (edited_there.phone, row_of(edited_there).state) == ("999", "synced")
    assert held_records(sandbox) == wanted_records()
