"""Admin, API and command line serve objects of any declared kind: here groups, which have integers for identities."""

from __future__ import annotations

from collections.abc import Mapping
from io import StringIO
from typing import Any

import pytest
from django.contrib.admin.utils import quote
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.test import Client
from rest_framework.test import APIClient

from thirdparty import targets
from thirdparty.declaration import AtTarget, Synced, registry
from thirdparty.models import Record
from thirdparty.models.record import EPOCH
from thirdparty.observe.explain import explain
from users.models import User

RECORDS = "/admin/thirdparty/record/"


class Team(Synced[Group]):
    key = "name"
    watch = ("name", "user__username")

    def payload(self, obj: Group, target: AtTarget) -> Mapping[str, Any]:  # noqa: ARG002  # the same at every target
        return {"name": obj.name, "members": [user.username for user in obj.user_set.all()]}


@pytest.fixture
def team(db: None, monkeypatch: pytest.MonkeyPatch) -> Record:
    """The parked record of a group. No trigger made it: what people see and do is the subject here."""
    monkeypatch.setitem(registry._declared, Team.kind, Team())
    targets.publish_rows()
    group = Group.objects.create(name="Sales")
    ref = Team().ref_of(group)
    return Record.objects.create(
        key=ref.key("partner"), target="partner", kind=ref.kind, object_id=ref.object_id, parked="invalid"
    )


@pytest.fixture
def operator(db: None) -> User:
    return User.objects.create_superuser("root")


@pytest.fixture
def web(operator: User) -> Client:
    client = Client()
    client.force_login(operator)
    return client


def test_the_list_of_records_names_each_object_as_its_model_does(
    web: Client, team: Record, django_assert_max_num_queries: Any
) -> None:
    User.objects.create_user(name="Ada", phone="1")
    with django_assert_max_num_queries(9):  # one more for one more kind
        page = web.get(RECORDS).content.decode()
    assert ">Sales<" in page
    assert ">ada1<" in page


def test_the_page_of_a_record_shows_its_payload_and_leads_to_its_object(web: Client, team: Record) -> None:
    page = web.get(f"{RECORDS}{quote(team.key)}/change/").content.decode()
    assert f'<a href="/admin/auth/group/{team.object_id}/change/">Sales</a>' in page
    assert '<th scope="row">members</th><td>nothing</td>' in page


def test_the_api_explains_it_with_its_payload(operator: User, team: Record) -> None:
    api = APIClient()
    api.force_authenticate(operator)
    explained = api.get(f"/api/v1/sync/records/partner/auth.group/{team.object_id}/").data
    assert (explained["kind"], explained["state"]) == ("auth.group", "parked")
    assert explained["wanted"]["payload"] == {"name": "Sales", "members": []}


@pytest.fixture(params=["the declaration fails", "nothing is declared any more"])
def unclear(request: pytest.FixtureRequest, team: Record, monkeypatch: pytest.MonkeyPatch) -> str:
    """What is wanted cannot be said; the words that say why."""
    if request.param == "nothing is declared any more":
        monkeypatch.delitem(registry._declared, Team.kind)
        return "othing of the kind auth.group is declared any more"
    monkeypatch.setattr(Team, "payload", lambda *_: 1 / 0)
    return "the declaration of auth.group fails with ZeroDivisionError"


def test_a_record_whose_payload_cannot_be_made_is_explained_all_the_same(
    web: Client, team: Record, unclear: str
) -> None:
    assert web.get(RECORDS).status_code == 200
    page = web.get(f"{RECORDS}{quote(team.key)}/change/")
    assert unclear in page.content.decode()
    (explained,) = explain(team.ref)
    assert (explained.wanted, unclear in explained.wanted_note) == (None, True)


def test_a_decision_about_it_breaks_nothing(web: Client, team: Record, unclear: str) -> None:
    form = {"deed": "settle", "seen": team.generation, "reason": "by phone", "remote_id": ""}
    assert web.post(f"{RECORDS}{team.key}/decide/", form).status_code == 302
    team.refresh_from_db()
    assert team.state == "parked"


def test_the_list_of_records_is_narrowed_to_one_kind(web: Client, team: Record) -> None:
    User.objects.create_user(name="Ada", phone="1")
    assert list(web.get(RECORDS, {"kind": "auth.group"}).context["cl"].result_list) == [team]
    assert web.get(RECORDS, {"kind": "shop.order"}).context["cl"].result_count == 2  # not on offer: narrows nothing


def test_a_record_whose_object_is_gone_is_listed_by_its_identity(web: Client, team: Record) -> None:
    Group.objects.all().delete()
    page = web.get(RECORDS, {"kind": "auth.group"}).content.decode()
    assert f"<em>deleted</em> {team.object_id}" in page


def test_a_record_of_any_kind_is_looked_at(web: Client, team: Record) -> None:
    web.post(RECORDS, {"action": "look_now", "_selected_action": [team.key], "confirmed": "yes"})
    team.refresh_from_db()
    assert (team.state, team.due_at) == ("pending", EPOCH)


def test_a_decision_about_a_record_of_any_kind_is_carried_out(web: Client, team: Record) -> None:
    web.post(f"{RECORDS}{team.key}/decide/", {"deed": "retry", "seen": team.generation, "reason": "mended"})
    team.refresh_from_db()
    assert (team.state, team.due_at) == ("pending", EPOCH)


def test_nothing_that_a_target_holds_of_it_is_taken_over_where_nobody_says_how(web: Client, team: Record) -> None:
    form = {"deed": "accept", "seen": team.generation, "reason": "theirs is right"}
    answer = web.post(f"{RECORDS}{team.key}/decide/", form)
    said = [str(message) for message in answer.wsgi_request._messages]
    assert said == ["What a target holds of objects of the kind auth.group cannot be written here."]


def test_the_api_lists_it_by_its_kind(operator: User, team: Record) -> None:
    api = APIClient()
    api.force_authenticate(operator)
    (line,) = api.get("/api/v1/sync/records/", {"kind": "auth.group"}).data["results"]
    assert (line["key"], line["object_id"]) == (f"partner:auth.group:{team.object_id}", team.object_id)
    assert api.get("/api/v1/sync/records/partner/auth.group/x/").status_code == 404


def test_the_command_line_decides_about_it_by_its_natural_key(operator: User, team: Record) -> None:
    out = StringIO()
    words = ["compensate", "retry", "Sales", "--target", "partner", "--by", "root", "--reason", "mended"]
    call_command("sync", *words, stdout=out)
    assert f"partner:auth.group:{team.object_id}: retry done; the record is pending" in out.getvalue()
