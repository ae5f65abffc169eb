"""People from a CSV file. A file may be imported again, after a stop or a correction: nobody is doubled.

Columns ``name, phone, email, username, groups`` in any order, groups separated by semicolons; only
``name`` has to be there. A row is somebody who is here already where the username is theirs or, without
one, where name, phone and e-mail all are; such a row changes nothing.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import IO

from django.core.exceptions import ValidationError
from django.db import transaction

from users import services
from users.models import User
from users.services import PersonValues

COLUMNS = ("name", "phone", "email", "username", "groups")
_ROWS_PER_TRANSACTION = 100
_LONGEST_FIELD = 10_000


class NotReadable(Exception):
    """The file is no CSV of people; the message says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that cannot be imported, as it stands in the file, and why. ``line``: of the file, from 1."""

    line: int
    row: Mapping[str, str]
    why: str


@dataclass(slots=True)
class Report:
    """What became of the rows so far."""

    added: int = 0
    present: int = 0
    rejected: list[Rejected] = field(default_factory=list)

    @property
    def rows(self) -> int:
        return self.added + self.present + len(self.rejected)


def read(file: IO[str], *, dry_run: bool = False, progress: Callable[[Report], None] = lambda _: None) -> Report:
    """Add everybody in the file who is not here yet. ``file``: opened as UTF-8 (with or without a mark), newline="".

    ``dry_run``: say what would become of the rows, and change nothing. ``progress`` is called every hundred rows.
    Raises `NotReadable`; what stands before the place is imported by then.
    """
    rows = _rows(file)
    report = Report()
    seen: set[tuple[str, ...]] = set()
    while some := list(islice(rows, _ROWS_PER_TRANSACTION)):
        with transaction.atomic():
            for line, row in some:
                _take(report, seen, line, row)
            transaction.set_rollback(dry_run)
        progress(report)
    return report


def write_rejected(report: Report, file: IO[str]) -> None:
    """The rejected rows as a file that can be corrected and imported; its column ``error`` is passed over then."""
    writer = csv.DictWriter(file, [*COLUMNS, "error"], extrasaction="ignore")
    writer.writeheader()
    for rejected in report.rejected:
        writer.writerow({**rejected.row, "error": rejected.why})


def _rows(file: IO[str]) -> Iterator[tuple[int, dict[str, str]]]:
    csv.field_size_limit(_LONGEST_FIELD)
    reader = csv.DictReader(file, restkey="", restval="", strict=True)
    try:
        header = [name.strip().lower() for name in reader.fieldnames or ()]
        unknown = sorted(set(header) - {*COLUMNS, "error"})
        if "name" not in header or unknown:
            problem = f"no column {unknown[0]!r} is known" if unknown else "there is no column 'name'"
            raise NotReadable(f"{problem}; the first line names the columns: {', '.join(COLUMNS)}")
        if len(set(header)) < len(header):
            raise NotReadable("a column is named twice")
        reader.fieldnames = header
        for row in reader:
            yield reader.line_num, row
    except UnicodeDecodeError:
        raise NotReadable("the file is not UTF-8; save it as CSV UTF-8") from None
    except csv.Error as error:
        raise NotReadable(f"line {reader.line_num}: {error}") from None


def _take(report: Report, seen: set[tuple[str, ...]], line: int, row: dict[str, str]) -> None:
    if "" in row:
        report.rejected.append(Rejected(line, row, "there are more fields than columns"))
        return
    if any("\0" in value for value in row.values()):
        # PostgreSQL stores none, and would not even look for one: that would end the import here.
        report.rejected.append(Rejected(line, row, "there is a NUL character"))
        return
    try:
        with transaction.atomic():
            person = services.new_person()
            groups = services.fill(person, _values(row))
            same = _same(person)
            if same in seen or _is_here(person):
                report.present += 1
            else:
                services.save(person, groups)
                report.added += 1
            seen.add(same)
    except ValidationError as problem:
        if _username_is_theirs(row):
            report.present += 1
            return
        why = "; ".join(f"{name}: {' '.join(messages)}" for name, messages in problem.message_dict.items())
        report.rejected.append(Rejected(line, row, why))


def _values(row: Mapping[str, str]) -> PersonValues:
    groups = [name.strip() for name in row.get("groups", "").split(";") if name.strip()]
    values: PersonValues = {
        "name": row["name"],
        "phone": row.get("phone", ""),
        "email": row.get("email", ""),
        "username": row.get("username", "").strip(),
        "groups": groups,
    }
    return values


def _same(person: User) -> tuple[str, ...]:
    return (person.username,) if person.username else (person.name, person.phone, person.email)


def _is_here(person: User) -> bool:
    return services.people().filter(name=person.name, phone=person.phone, email=person.email).exists()


def _username_is_theirs(row: Mapping[str, str]) -> bool:
    username = row.get("username", "").strip()
    return bool(username) and services.people().filter(username=username).exists()
