"""People from a CSV file: added once, however often the file is imported."""

from __future__ import annotations

import csv
import io
import json
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.management import CommandError, call_command

from tests.integration.conftest import at_once
from thirdparty import targets
from thirdparty.models import Record
from users import csvimport, services
from users.csvimport import NotReadable

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
    assert Record.objects.filter(state="pending").count() == 2


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


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("sync", "import", str(tmp_path / "none.csv"))


def test_the_command_says_what_became_of_the_rows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "people.csv").write_text(TWO, "utf-8")
    call_command("sync", "import", str(tmp_path / "people.csv"), "--dry-run")
    call_command("sync", "import", str(tmp_path / "people.csv"))
    said = capsys.readouterr().out
    assert "would be: 2 added, 0 here already, 0 rejected" in said
    assert said.rstrip().endswith("2 added, 0 here already, 0 rejected")


def test_a_dry_run_says_what_the_rows_would_be_for_the_targets(
    tmp_path: Path, partner: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "people.csv").write_text(TWO, "utf-8")
    call_command("sync", "import", str(tmp_path / "people.csv"), "--dry-run")
    partner(rate_per_second=0.5)
    call_command("sync", "import", str(tmp_path / "people.csv"), "--dry-run")

    said = capsys.readouterr().out.splitlines()
    assert said[1::2] == [
        "  at partner: 2 to add; 2 calls; the target has no rate",
        "  at partner: 2 to add; 2 calls, 0:00:04 at 0.5 a second",
    ]


def test_a_dry_run_says_as_json_what_the_rows_would_be_for_the_targets(
    tmp_path: Path, partner: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    partner(rate_per_second=0.5)
    (tmp_path / "people.csv").write_text(TWO, "utf-8")
    call_command("sync", "import", str(tmp_path / "people.csv"), "--dry-run", "--json")

    assert json.loads(capsys.readouterr().out)["targets"] == [
        {"target": "partner", "records": 2, "calls": 2, "rate_per_second": 0.5, "seconds": 4.0}
    ]


@pytest.mark.parametrize(
    "text",
    [
        "sep=,\nname,phone\n张伟,13800000001\n",
        '"sep=;"\r\nname;phone\r\n张伟;13800000001\r\n',
        "name,phone,,,\n张伟,13800000001,,,\n,,,,\n",
        "name,phone\n张伟,13800000001,,\n",
        "name;phone;groups\n张伟;13800000001;\n",
        "name\tphone\n张伟\t13800000001\n",
        "name,phone\n张伟,13800000001.0\n",
        "name,phone\n张伟,\t13800000001\n",
    ],
)
def test_what_spreadsheets_make_of_a_file_is_read(text: str) -> None:
    assert imported(text) == (1, 0, 0)
    person = services.people().get()
    assert (person.name, person.phone, person.username) == ("张伟", "13800000001", "zhangwei13800000001")


def test_a_number_that_a_spreadsheet_has_shortened_is_refused_with_a_hint() -> None:
    report = csvimport.read(io.StringIO("name,phone\n张伟,1.38E+10\n"))
    assert [rejected.why for rejected in report.rejected] == [
        "phone: A spreadsheet has shortened this number: make its column text, and enter the number again."
    ]


def test_a_value_without_a_column_rejects_its_row() -> None:
    assert imported("name,,phone\nAda,?,1\nEve,,2\n") == (1, 0, 1)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "gbk", "gb18030"])
@pytest.mark.parametrize("text", ["name\n张伟\n", f"{HEADER}李娜,13800000001,,,\nAda,2,,,\n张伟,13800000002,,,\n"])
def test_a_file_is_read_in_the_encodings_that_chinese_people_save(tmp_path: Path, encoding: str, text: str) -> None:
    (tmp_path / "people.csv").write_bytes(text.encode(encoding))
    call_command("sync", "import", str(tmp_path / "people.csv"))
    assert services.people().filter(name="张伟").count() == 1


@pytest.mark.parametrize(
    ("encoding", "names"),
    [
        ("cp1252", ["José García", "Müller"]),
        ("euc-kr", ["김민수", "이영희", "박지성"]),
        ("shift_jis", ["山田太郎", "鈴木一郎"]),
        ("big5", ["張偉", "王小明", "陳怡君"]),
        ("cp1251", ["Иван Петров", "Ольга Смирнова"]),
    ],
)
def test_a_file_whose_encoding_cannot_be_told_is_refused_and_read_once_it_is_named(
    tmp_path: Path, encoding: str, names: list[str]
) -> None:
    file = tmp_path / "people.csv"
    file.write_bytes("".join(f"{line}\n" for line in ("name", *names)).encode(encoding))
    with pytest.raises(CommandError, match="not UTF-8"):
        call_command("sync", "import", str(file))
    assert people() == []
    call_command("sync", "import", str(file), "--encoding", encoding)
    assert sorted(services.people().values_list("name", flat=True)) == sorted(names)


def test_an_encoding_that_is_none_is_said(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text(TWO, "utf-8")
    with pytest.raises(CommandError, match="no encoding 'klingon'"):
        call_command("sync", "import", str(tmp_path / "people.csv"), "--encoding", "klingon")


FORMULAS = ["=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", " =1", "＝1", "'=1", "''@x"]


@pytest.mark.parametrize("cell", FORMULAS)
@pytest.mark.parametrize("column", ["name", "phone", "groups"])
def test_no_rejected_cell_is_a_formula_and_all_read_back_as_they_were(cell: str, column: str) -> None:
    row = {"name": "Ada", "phone": "1", "email": "no address", "username": "", "groups": ""} | {column: cell}
    rejected = csvimport.Rejected(2, row, "email: Enter a valid email address.")
    file = io.StringIO(newline="")
    csvimport.write_rejected(csvimport.Report(rejected=[rejected]), file)

    cells = next(csv.DictReader(io.StringIO(file.getvalue(), newline="")))
    assert not any(value.lstrip(" ").startswith(tuple("=+-@＝\t\r")) for value in cells.values())
    again = csvimport.read(io.StringIO(file.getvalue(), newline="")).rejected
    assert {name: value for name, value in again[0].row.items() if name != "error"} == row


def test_a_phone_of_a_rejected_row_is_the_same_once_the_row_is_corrected(tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text("name,phone,email\n-Ada,+44 20 1,no address\n", "utf-8")
    with pytest.raises(CommandError, match="1 rows"):
        call_command("sync", "import", str(file))
    rejected = tmp_path / "people.rejected.csv"
    rejected.write_text(rejected.read_text("utf-8").replace("no address", "ada@example.org"), "utf-8")
    call_command("sync", "import", str(rejected))
    assert list(services.people().values_list("name", "phone")) == [("-Ada", "+44 20 1")]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("files", [(TWO, TWO), (TWO, "name,phone\nEve,3\n张伟,13800000001\n")], ids=["one", "two"])
def test_files_that_are_imported_at_once_double_nobody(
    files: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    is_here: Callable[[Any], bool] = csvimport._is_here
    both_have_looked = threading.Barrier(2)

    def looked(person: Any) -> bool:
        found = is_here(person)
        if person.name == "张伟":
            # Met only where imports do not take turns.
            with suppress(threading.BrokenBarrierError):
                both_have_looked.wait(1)
        return found

    monkeypatch.setattr(csvimport, "_is_here", looked)
    at_once(*(lambda file=file: imported(file) for file in files))
    assert services.people().filter(name="张伟").count() == 1
