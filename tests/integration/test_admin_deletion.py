"""Deleting people in the admin: asked before, bounded, and nobody stands in the others' way."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from thirdparty import targets
from thirdparty.models import Record
from users.admin import deletion
from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)
PEOPLE = "/admin/users/user/"


@pytest.fixture
def web() -> Client:
    targets.publish_rows()
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    return client


def people(count: int) -> list[User]:
    return [User.objects.create_user(name=f"Ada {nth}", phone=str(nth)) for nth in range(count)]


def delete(web: Client, chosen: list[User], **more: Any) -> str:
    form = {"action": "delete_selected", "_selected_action": [user.pk for user in chosen]} | more
    return web.post(PEOPLE, form, follow=True).content.decode()


def test_many_are_deleted_once_that_is_confirmed_on_a_page_that_does_not_list_them_all(web: Client) -> None:
    chosen = people(12)
    page = delete(web, chosen)
    assert "12 people will be deleted" in page
    assert "Ada 9 and others" in page
    assert "Ada 11" not in page
    assert User.objects.filter(is_superuser=False).count() == 12

    delete(web, chosen, confirmed="yes")
    assert not User.objects.filter(is_superuser=False).exists()
    assert Record.objects.filter(deleted=True).count() == 12
    assert LogEntry.objects.count() == 12


def test_of_very_many_the_first_are_deleted_and_the_rest_is_said(web: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deletion, "MOST_AT_ONCE", 2)
    chosen = people(3)
    page = delete(web, chosen[:1], select_across="1")
    assert 'name="select_across" value="1"' in page
    page = delete(web, chosen[:1], select_across="1", confirmed="yes")
    assert "There are more" in page
    assert User.objects.filter(is_superuser=False).count() == 1


def test_staff_who_have_acted_stay_and_keep_nobody_else(web: Client) -> None:
    other = User.objects.create_user(name="Ada", phone="1")
    clerk = User.objects.create_user(name="Clerk", phone="9", is_staff=True)
    LogEntry.objects.create(user=clerk, action_flag=2, object_id="1", object_repr="x")
    page = delete(web, [other, clerk], confirmed="yes")
    assert "1 is still here" in page
    assert list(User.objects.filter(is_superuser=False)) == [clerk]
    assert "inactive instead of deleting" in web.get(f"{PEOPLE}{clerk.pk}/change/").content.decode()
    assert web.post(f"{PEOPLE}{clerk.pk}/delete/", {"post": "yes"}).status_code == 403


# -- pages that cannot be shown ----------------------------------------------------------------------


def test_what_is_not_there_is_said_in_the_admins_dress(web: Client) -> None:
    answer = web.get("/admin/nowhere/x/")
    assert answer.status_code == 404
    assert "There is no such page" in answer.content.decode()
    assert "thirdparty/admin.css" in answer.content.decode()


def test_what_is_forbidden_says_which_permission_it_takes(web: Client) -> None:
    staff = Client()
    staff.force_login(User.objects.create_user(name="Clerk", phone="9", is_staff=True))
    answer = staff.get("/admin/thirdparty/record/causes/")
    assert answer.status_code == 403
    assert "thirdparty.view_record" in answer.content.decode()


def test_what_cannot_be_understood_and_what_fails_have_pages_too(web: Client) -> None:
    assert "cannot be understood" in web.get("/admin/?x=%00").content.decode()
    from thirdparty.admin.failures import failure

    page = failure(web.get("/admin/").wsgi_request, 500).content.decode()  # type: ignore[arg-type]  # as the handler
    assert "Something went wrong here" in page
