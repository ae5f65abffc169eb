"""What people decide and import in the admin."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.admin.utils import quote
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from thirdparty import targets
from thirdparty.models import Record
from users import services
from users.csvimport import Report
from users.models import User

IMPORT = "/admin/users/user/import/"
RECORDS = "/admin/thirdparty/record/"


@pytest.fixture
def web(db: None) -> Client:
    targets.publish_rows()
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    return client


@pytest.fixture
def parked(web: Client) -> Record:
    user = User.objects.create_user(name="Ada", phone="1")
    Record.objects.update(parked="invalid", due_at=None)
    return Record.objects.get(object_id=user.uuid.hex)


def messages(answer: Any) -> list[str]:
    return [str(message) for message in answer.context["messages"]]


def upload(text: str) -> SimpleUploadedFile:
    return SimpleUploadedFile("people.csv", text.encode("utf-8-sig"))


def test_a_parked_record_can_be_decided_about_on_its_page(web: Client, parked: Record) -> None:
    assert b"Decide by hand" in web.get(f"{RECORDS}{quote(parked.key)}/change/").content
    shown = f'<input type="hidden" name="seen" value="{parked.generation}" id="id_seen">'
    assert shown in web.get(f"{RECORDS}{quote(parked.key)}/change/").content.decode()
    form = {"deed": "settle", "seen": parked.generation, "remote_id": "r1", "reason": "by phone"}
    answer = web.post(f"{RECORDS}{parked.key}/decide/", form, follow=True)
    assert messages(answer) == ["Done, and on record: see the history."]
    parked.refresh_from_db()
    assert parked.state == "synced"
    assert LogEntry.objects.get().change_message == "settle r1: by phone"


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"deed": "settle", "seen": "1", "reason": ""}, "Why: This field is required."),
        ({"deed": "burn", "seen": "1", "reason": "x"}, "What: Select a valid choice"),
        ({"deed": "adopt", "seen": "1", "reason": "x"}, "Give the id"),
        ({"deed": "retry", "reason": "x"}, "Generation: This field is required."),
        ({"deed": "retry", "seen": "0", "reason": "x"}, "The record has changed since you looked"),
    ],
)
def test_a_decision_that_cannot_be_says_why(web: Client, parked: Record, form: dict[str, str], said: str) -> None:
    answer = web.post(f"{RECORDS}{parked.key}/decide/", form, follow=True)
    assert messages(answer)[0].startswith(said)
    assert Record.objects.get().state == "parked"


def test_who_may_not_change_people_may_decide_nothing(web: Client, parked: Record) -> None:
    clerk = Client()
    clerk.force_login(User.objects.create_user(name="Clerk", phone="9", is_staff=True))
    assert clerk.post(f"{RECORDS}{parked.key}/decide/", {"deed": "settle", "reason": "x"}).status_code == 403
    assert clerk.get(IMPORT).status_code in (302, 403)


def test_a_file_is_tried_then_imported(web: Client) -> None:
    assert web.get(IMPORT).status_code == 200
    text = "name,phone\nAda,1\nEve,2\n"
    tried = web.post(IMPORT, {"file": upload(text), "dry_run": "on"})
    assert "Would be: 2 added" in tried.content.decode()
    assert not services.people().exists()
    done = web.post(IMPORT, {"file": upload(text)}, follow=True)
    assert messages(done) == ["2 added, 0 here already."]
    assert services.people().count() == 2


@pytest.mark.parametrize(
    ("rate", "told"),
    [
        (0.5, "At partner: 2 records to add, in 4 seconds at 0.5 calls a second."),
        (None, "At partner: 2 records to add. It has no rate, so how long that takes is up to it."),
    ],
)
def test_before_a_file_is_imported_it_is_said_what_that_is_for_each_target(
    web: Client, partner: Callable[..., None], rate: float | None, told: str
) -> None:
    partner(rate_per_second=rate)

    tried = web.post(IMPORT, {"file": upload("name,phone\nAda,1\nEve,2\n"), "dry_run": "on"})

    assert told in tried.content.decode()


def test_how_many_there_would_be_is_grouped(web: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("users.admin.importing.read", lambda *_, **__: Report(added=1_234, present=5_678))

    tried = web.post(IMPORT, {"file": upload("name\nAda\n"), "dry_run": "on"}).content.decode()

    assert "Would be: 1,234 added, 5,678 here already, 0 rejected" in tried
    assert "1,234 records to add" in tried


def test_so_is_how_many_there_were(web: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("users.admin.importing.read", lambda *_, **__: Report(added=1_234, present=5_678))

    done = web.post(IMPORT, {"file": upload("name\nAda\n")}, follow=True)

    assert messages(done) == ["1,234 added, 5,678 here already."]


def test_what_nobody_is_added_for_costs_no_target_anything(web: Client) -> None:
    tried = web.post(IMPORT, {"file": upload("name,phone\nAda,no number\n"), "dry_run": "on"})

    assert tried.context["costs"] == []


def test_a_file_that_a_chinese_spreadsheet_saved_is_imported(web: Client) -> None:
    saved = "sep=;\r\nname;phone;\r\n单雄信;13911110066.0;\r\n张伟;2;\r\n;;\r\n".encode("gbk")
    done = web.post(IMPORT, {"file": SimpleUploadedFile("people.csv", saved)}, follow=True)
    assert messages(done) == ["2 added, 0 here already."]
    usernames = sorted(services.people().values_list("username", flat=True))
    assert usernames == ["shanxiongxin13911110066", "zhangwei2"]


def test_rejected_rows_are_shown_and_offered_as_a_file(web: Client) -> None:
    answer = web.post(IMPORT, {"file": upload("name,phone\nAda,no number\nEve,2\n")})
    page = answer.content.decode()
    assert "1 added, 0 here already, 1 rejected" in page
    assert "line 2" in page
    assert "data:text/csv" in page


@pytest.mark.parametrize("text", ["shoe size\n7\n", ""])
def test_a_file_that_is_none_is_refused_with_the_reason(web: Client, text: str) -> None:
    answer = web.post(IMPORT, {"file": upload(text)})
    assert answer.status_code == 200
    assert answer.context["form"].errors["file"]
