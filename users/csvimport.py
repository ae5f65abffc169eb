"""People from a CSV file. A file may be imported again, after a stop or a correction: nobody is doubled.

Columns ``name, phone, email, username, groups`` in any order, groups separated by semicolons; only
``name`` has to be there. A row is somebody who is here already where the username is theirs or, without
one, where name, phone and e-mail all are; such a row changes nothing. Imports that run at once take turns, so this
holds among them, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from io import TextIOWrapper
from itertools import islice
from typing import IO

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.utils.translation import gettext as _

from users import csvfile, permissions, services
from users.csvfile import NotReadable
from users.models import User
from users.permissions import OPERATOR, Account, NotAllowed, Right
from users.services import PersonValues

__all__ = ["COLUMNS", "NotReadable", "Rejected", "Report", "as_text", "read", "write_rejected"]

COLUMNS = ("name", "phone", "email", "username", "groups")
_ERROR = "error"
_READ = (*COLUMNS, _ERROR)
_ROWS_PER_TRANSACTION = 100
_TURN = 0x75736572
"""The advisory lock that imports take turns by; any number that nothing else in this database uses."""


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


def as_text(file: IO[bytes], *, encoding: str | None = None) -> TextIOWrapper:
    """A stored file as the text that `read` takes, whichever encoding it is in. Raises `NotReadable`."""
    return csvfile.as_text(file, _READ, encoding=encoding)


def read(
    file: Iterable[str],
    *,
    by: Account = OPERATOR,
    dry_run: bool = False,
    progress: Callable[[Report], None] = lambda _report: None,
) -> Report:
    """Add everybody in the file who is not here yet. ``file``: of `as_text`.

    ``dry_run``: say what would become of the rows, and change nothing. ``progress`` is called every hundred rows.
    ``by``: the account that imports; a row with a group that it cannot give is rejected.
    Raises `NotAllowed`, or `NotReadable`; what stands before the place is imported by then.
    """
    permissions.require(by, Right.IMPORT)
    rows = csvfile.rows(file, _READ)
    report = Report()
    seen: set[tuple[str, ...]] = set()
    while some := list(islice(rows, _ROWS_PER_TRANSACTION)):
        with transaction.atomic():
            _take_turn()
            for row in some:
                _take(report, seen, row, by)
            transaction.set_rollback(dry_run)
        progress(report)
    return report


def write_rejected(report: Report, file: IO[str]) -> None:
    """The rejected rows as a file that can be corrected and imported; its column ``error`` is passed over then."""
    csvfile.write(file, _READ, ({**rejected.row, _ERROR: rejected.why} for rejected in report.rejected))


def _take_turn() -> None:
    """Let no other import look who is here until this transaction has ended.

    SQLite has that already: a transaction begins by locking the whole database for writing.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_TURN])


def _take(report: Report, seen: set[tuple[str, ...]], read_row: csvfile.Row, by: Account) -> None:
    line, row = read_row.line, read_row.values
    if read_row.surplus:
        report.rejected.append(Rejected(line, row, _("there are more fields than columns")))
        return
    if any("\0" in value for value in row.values()):
        # PostgreSQL stores none, and would not even look for one: that would end the import here.
        report.rejected.append(Rejected(line, row, _("there is a NUL character")))
        return
    try:
        with transaction.atomic():
            person = services.new_person()
            groups = services.fill(person, _values(row), by=by)
            same = _same(person)
            if same in seen or _is_here(person):
                report.present += 1
            else:
                services.save(person, groups)
                report.added += 1
            seen.add(same)
    except NotAllowed as refused:
        report.rejected.append(Rejected(line, row, f"groups: {refused}"))
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
