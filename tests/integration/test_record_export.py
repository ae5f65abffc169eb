"""The list of records as a CSV file: what stands in it, of which records, and for whom."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from thirdparty import targets
from thirdparty.admin import export
from thirdparty.admin.record import RecordAdmin
from thirdparty.models import Attempt, Record
from thirdparty.models.record import EPOCH
from users.models import User

RECORDS = "/admin/thirdparty/record/"
EXPORT = f"{RECORDS}export/"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def web(db: None) -> Client:
    targets.publish_rows()
    return staff_with("view_record")


def staff_with(*codenames: str) -> Client:
    account = User.objects.create_user(name="Clerk", phone="9", is_staff=True)
    account.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    Record.objects.all().delete()
    client = Client()
    client.force_login(account)
    return client


def records(count: int) -> list[Record]:
    for number in range(count):
        User.objects.create_user(name="Ada", phone=str(100 + number))
    return list(Record.objects.order_by("key"))


def exported(client: Client, **query: Any) -> list[dict[str, str]]:
    text = client.get(EXPORT, query).getvalue().decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


def test_a_row_says_where_a_record_stands(web: Client) -> None:
    (row,) = records(1)
    Record.objects.update(
        parked="invalid", cause="invalid", last_error="电话太长, too long", remote_id="r7", owed_since=NOON,
        failing_since=NOON + timedelta(minutes=1), due_at=NOON + timedelta(hours=1),
    )  # fmt: skip
    for minute in (2, 3):
        at = NOON + timedelta(minutes=minute)
        Attempt.objects.create(record=row, lease_token="t", call="add", generation=1, started_at=at)

    assert exported(web) == [
        {
            "target": "partner",
            "kind": "users.user",
            "object_id": row.object_id,
            "natural_key": "ada100",
            "state": "parked",
            "cause": "invalid",
            "last_error": "电话太长, too long",
            "owed_since": "2026-03-01T12:00:00+00:00",
            "failing_since": "2026-03-01T12:01:00+00:00",
            "remote_id": "r7",
            "last_attempt_at": "2026-03-01T12:03:00+00:00",
            "next_try_at": "2026-03-01T13:00:00+00:00",
        }
    ]


def test_what_a_record_lacks_is_empty_and_what_is_due_before_all_else_is_due_at_once(web: Client) -> None:
    records(1)
    Record.objects.update(due_at=EPOCH, owed_since=None)

    (row,) = exported(web)

    assert [name for name, cell in row.items() if not cell] == [
        "cause", "last_error", "owed_since", "failing_since", "remote_id", "last_attempt_at",
    ]  # fmt: skip
    assert row["next_try_at"] == "at once"


def test_the_key_that_the_target_knows_a_record_by_goes_before_the_one_that_its_object_has_now(web: Client) -> None:
    records(1)
    Record.objects.update(natural_key="old", wanted_key="new")

    assert [row["natural_key"] for row in exported(web)] == ["old"]


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1"])
def test_no_cell_is_a_formula_of_a_spreadsheet(web: Client, cell: str) -> None:
    records(1)
    Record.objects.update(natural_key=cell, remote_id=cell, last_error=cell)

    (row,) = exported(web)

    assert {row[name] for name in ("natural_key", "remote_id", "last_error")} == {f"'{cell}"}


def test_all_that_the_list_is_narrowed_to_is_exported_and_nothing_else(web: Client) -> None:
    one, two, three = records(3)
    Record.objects.filter(pk__in=[one.pk, two.pk]).update(parked="invalid", cause="invalid")
    Record.objects.filter(pk=two.pk).update(natural_key="searched")

    assert {row["object_id"] for row in exported(web, sync_state="parked")} == {one.object_id, two.object_id}
    assert [row["object_id"] for row in exported(web, cause="invalid", q="searched")] == [two.object_id]
    assert [row["object_id"] for row in exported(web, target="partner", q=three.object_id)] == [three.object_id]


def test_the_button_takes_the_lists_filters_along(web: Client) -> None:
    (one, _) = records(2)
    Record.objects.filter(pk=one.pk).update(parked="invalid")

    page = web.get(RECORDS, {"sync_state": "parked", "p": "1"}).content.decode()

    (address,) = re.findall(rf'href="({EXPORT}[^"]*)"', page)
    text = web.get(address.replace("&amp;", "&")).getvalue().decode("utf-8-sig")
    assert [row["object_id"] for row in csv.DictReader(io.StringIO(text, newline=""))] == [one.object_id]


def test_the_export_goes_beyond_a_page_and_beyond_what_is_read_at_once(
    web: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "AT_ONCE", 3)
    monkeypatch.setattr(RecordAdmin, "list_per_page", 2)
    keys = [row.object_id for row in records(7)]

    assert [row["object_id"] for row in exported(web)] == keys
    assert [row["object_id"] for row in exported(web, p="2", o="-3")] == keys


def test_no_more_is_read_than_the_reader_has_taken(web: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "AT_ONCE", 2)
    records(7)
    pieces = export.lines(Record.objects.all())

    with CaptureQueriesContext(connection) as queries:
        header, first = next(pieces), next(pieces)

    assert (header.count("\r\n"), first.count("\r\n")) == (1, 2)
    assert len(queries) == 2


def test_the_file_is_named_after_its_time_and_is_utf_8_that_a_spreadsheet_recognises(web: Client) -> None:
    answer = web.get(EXPORT)

    assert re.fullmatch(
        r'attachment; filename="records-\d{4}-\d\d-\d\d-\d{6}\.csv"', answer.headers["Content-Disposition"]
    )
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.getvalue() == b"\xef\xbb\xbf" + ",".join(export.COLUMNS).encode() + b"\r\n"


def test_a_list_that_cannot_be_shown_is_not_exported(web: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RecordAdmin, "list_per_page", 1)
    records(2)

    assert web.get(EXPORT, {"p": "99"}).headers["Location"] == RECORDS


def test_who_may_not_see_the_list_gets_no_file(db: None) -> None:
    targets.publish_rows()
    clerk = staff_with("view_user", "change_user")

    assert clerk.get(EXPORT).status_code == 403
    assert Client().get(EXPORT).headers["Location"].startswith("/admin/login/")
