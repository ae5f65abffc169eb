"""The page of a record: why nothing is wanted, where it is mended, and that it comes again while something is under way."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.utils import timezone

from tests.integration.conftest import converge, row_of, step
from thirdparty import targets
from thirdparty.admin.badge import record_page
from thirdparty.models import Record
from thirdparty.observe.explain import explain
from thirdparty.sandbox.client import SandboxControl
from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)
RECORDS = "/admin/thirdparty/record/"


@pytest.fixture
def web(sandbox: SandboxControl, at_work: None) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    return client


@pytest.fixture
def user(sandbox: SandboxControl) -> User:
    made: User = User.objects.create_user(name="Ada Lovelace", phone="1")
    converge()
    return made


def page(web: Client, user: User, query: str = "") -> str:
    return web.get(record_page(row_of(user).key) + query).content.decode()


def test_a_person_who_is_not_to_be_there_says_why(web: Client, user: User) -> None:
    User.objects.filter(pk=user.pk).update(is_active=False)
    converge()
    assert row_of(user).state == "synced"
    assert "No record at the target: the person is inactive" in page(web, user)
    assert explain(row_of(user).ref)[0].absence == "the person is inactive"
    row = row_of(user)
    user.delete()
    assert explain(row.ref)[0].absence == "it is gone here"


@pytest.mark.parametrize("asked", ["", "?ask=1"])
def test_an_unmapped_role_is_no_wish_for_no_record_and_leads_to_the_mappings(
    web: Client, user: User, asked: str
) -> None:
    user.groups.add(Group.objects.create(name="Sales"))
    step(user)
    shown = page(web, user, asked)
    assert "No record at the target" not in shown
    assert "No role of the target is mapped for &#x27;Sales&#x27;" in shown
    assert "/admin/users/rolemapping/" in shown


def test_a_parked_record_says_its_cause_once(web: Client, user: User) -> None:
    Record.objects.update(parked="http_422", last_error="http_422: the phone is too long", due_at=None)
    assert "Parked (http_422): the phone is too long; edit the object or retry by hand" in page(web, user)


def test_looking_says_that_it_overwrites(web: Client, user: User) -> None:
    assert "what the target holds instead is overwritten" in page(web, user)


def test_a_page_comes_again_while_the_record_is_under_way_and_not_for_ever(web: Client, user: User) -> None:
    address = record_page(row_of(user).key)
    assert "Refresh" not in web.get(address).headers
    Record.objects.update(lease_token="t", leased_until=timezone.now())
    assert web.get(address).headers["Refresh"] == f"2; url={address}?refresh=14"
    assert web.get(f"{address}?refresh=1").headers["Refresh"] == f"2; url={address}?refresh=0"
    for over in ("?refresh=0", "?refresh=x"):
        assert "Refresh" not in web.get(address + over).headers
    Record.objects.update(lease_token=None, leased_until=None)
    assert web.post(f"{RECORDS}{row_of(user).key}/look-now/").headers["Location"] == f"{address}?refresh=15"
    assert "Refresh" in web.get(f"{address}?refresh=15").headers


def test_records_are_found_by_the_name_of_their_person(web: Client, user: User) -> None:
    User.objects.create_user(name="Eva", phone="2")
    found = web.get(f"{RECORDS}?q=Lovelace").context["cl"].result_list
    assert [row.key for row in found] == [row_of(user).key]
    assert targets.names() == ["partner"]
