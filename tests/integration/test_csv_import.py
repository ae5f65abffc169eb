"""People from a CSV file: added once, however often the file is imported."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.management import CommandError, call_command

from thirdparty import targets
from users import csvimport, services
from users.csvimport import NotReadable
from users.models import UserSync

HEADER = "name,phone,email,username,groups\n"
TWO = f"{HEADER}张伟,13800000001,,,\nAda Lovelace,+44 20 1,ada@example.org,ada,Sales\n"


@pytest.fixture(autouse=True)
def _published(db: None) -> None:
    targets.publish_rows()
    Group.objects.create(name="Sales")


def imported(text: str, **options: Any) -> tuple[int, int, int]:
    report = csvimport.read(io.StringIO(text, newline=""), **options)
    return report.added, report.present, len(report.rejected)


def people() -> list[str]:
    return sorted(services.people().values_list("username", flat=True))


def test_everybody_in_the_file_is_added_and_owed() -> None:
    assert imported(TWO) == (2, 0, 0)
    assert people() == ["ada", "zhangwei13800000001"]
    assert [group.name for group in services.people().get(username="ada").groups.all()] == ["Sales"]
    assert UserSync.objects.filter(state="pending").count() == 2


def test_a_file_that_is_imported_again_doubles_nobody() -> None:
    imported(TWO)
    assert imported(TWO) == (0, 2, 0)
    assert len(people()) == 2


def test_an_import_that_was_stopped_goes_on_where_it_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csvimport, "_ROWS_PER_TRANSACTION", 4)
    rows = [f"P{n},{n},,,\n" for n in range(10)]

    class Stopped(Exception):
        pass

    def stop(_: Any) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        csvimport.read(io.StringIO(HEADER + "".join(rows)), progress=stop)
    assert len(people()) == 4
    assert imported(HEADER + "".join(rows)) == (6, 4, 0)


def test_the_same_person_twice_in_a_file_is_one() -> None:
    assert imported(f"{HEADER}张伟,13800000001,,,\n 张伟 ,１３８０００００００１,,,\n") == (1, 1, 0)


def test_people_of_one_name_and_different_phones_are_two() -> None:
    assert imported(f"{HEADER}张伟,1,,,\n张伟,2,,,\n") == (2, 0, 0)


def test_a_dry_run_says_what_would_be_and_changes_nothing() -> None:
    assert imported(TWO, dry_run=True) == (2, 0, 0)
    assert people() == []


def test_rejected_rows_make_a_file_that_can_be_corrected_and_imported(tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text(f"{HEADER}张伟,13800000001,,,\nAda,no number,,,Sales;Nobody\n,1,,,\n", encoding="utf-8-sig")
    with pytest.raises(CommandError, match="2 rows were rejected"):
        call_command("sync", "import", str(file))
    assert people() == ["zhangwei13800000001"]
    rejected = tmp_path / "people.rejected.csv"
    rows = list(csv.DictReader(io.StringIO(rejected.read_text("utf-8"), newline="")))
    assert [row["name"] for row in rows] == ["Ada", ""]
    assert "phone: Enter a phone number" in rows[0]["error"]
    assert "groups: There is no group named 'Nobody'" in rows[0]["error"]
    rejected.write_text(rejected.read_text("utf-8").replace("no number", "7").replace(";Nobody", ""), "utf-8")
    with pytest.raises(CommandError, match="1 rows"):
        call_command("sync", "import", str(rejected))
    assert len(people()) == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("phone\n1\n", "no column 'name'"),
        ("name,shoe size\nAda,7\n", "'shoe size'"),
        ("name,name\nAda,Ada\n", "named twice"),
        ("", "no column 'name'"),
        ('name\n"Ada\n', "line 1: unexpected end"),
    ],
)
def test_a_file_that_is_none_says_why(text: str, said: str) -> None:
    with pytest.raises(NotReadable, match=said):
        imported(text)


def test_more_fields_than_columns_reject_the_row() -> None:
    assert imported("name,phone\nAda,1,2\nEve,3\n") == (1, 0, 1)


@pytest.mark.parametrize("column", ["name", "username", "groups"])
def test_a_nul_rejects_its_row_and_no_other(column: str) -> None:
    values = {"name": "Ada", "username": "", "groups": ""} | {column: "a\0b"}
    assert imported(f"{','.join(values)}\n{','.join(values.values())}\nEve,,\n") == (1, 0, 1)


def test_a_missing_file_and_another_encoding_are_said(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("sync", "import", str(tmp_path / "none.csv"))
    (tmp_path / "gbk.csv").write_bytes("name\n张伟\n".encode("gbk"))
    with pytest.raises(CommandError, match="not UTF-8"):
        call_command("sync", "import", str(tmp_path / "gbk.csv"))


def test_the_command_says_what_became_of_the_rows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "people.csv").write_text(TWO, "utf-8")
    call_command("sync", "import", str(tmp_path / "people.csv"), "--dry-run")
    call_command("sync", "import", str(tmp_path / "people.csv"))
    said = capsys.readouterr().out
    assert "would be: 2 added, 0 here already, 0 rejected" in said
    assert said.rstrip().endswith("2 added, 0 here already, 0 rejected")
