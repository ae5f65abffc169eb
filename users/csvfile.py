"""CSV files as people have them: which encoding, which delimiter, what their spreadsheet made of the cells. Pure.

What was written and read again is what it was, formulas too (`thirdparty.csv_cells`).
"""

from __future__ import annotations

import csv
import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE, getincrementaldecoder
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO, TextIOWrapper
from itertools import chain, islice
from typing import IO

from django.utils.translation import gettext as _

from thirdparty.csv_cells import guarded, unguarded
from users.surnames import COMMON

_LONGEST_FIELD = 10_000
_SAMPLE_BYTES = 100_000
_SAMPLE_NAMES = 200
_CHUNK_BYTES = 1_000_000
_DELIMITERS = (",", ";", "\t")
_BYTE_ORDER_MARK = "\ufeff"
_HINT = re.compile(r"\"?sep=([,;\t|])\"?[,;\t]*\Z", re.IGNORECASE)
"""A first line by which spreadsheets are told the delimiter."""


class NotReadable(Exception):
    """The file is no CSV with these columns; the message says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Row:
    """``line``: of the file, from 1. ``surplus``: there were values without a column."""

    line: int
    values: Mapping[str, str]
    surplus: bool


def as_text(file: IO[bytes], columns: Collection[str], *, encoding: str | None = None) -> TextIOWrapper:
    """The file as text, for `rows`. ``encoding``: where it is known; else UTF-8, UTF-16 and GB18030 are told apart.

    The first column is that of people's names; the file has to be one that can be read again. Raises `NotReadable`.
    """
    encoding = encoding or _encoding(file, columns)
    file.seek(0)
    try:
        return TextIOWrapper(file, encoding, newline="")
    except LookupError:
        raise NotReadable(_("there is no encoding %(encoding)s") % {"encoding": repr(encoding)}) from None


def rows(file: Iterable[str], columns: Collection[str]) -> Iterator[Row]:
    """The rows below the line that names the columns, without empty ones. The first column has to be there.

    Raises `NotReadable`.
    """
    csv.field_size_limit(_LONGEST_FIELD)
    lines = iter(file)
    hints = read = 0
    try:
        first = next(lines, "").removeprefix(_BYTE_ORDER_MARK)
        if hinted := _HINT.match(first.rstrip("\r\n")):
            first, hints = next(lines, ""), 1
        delimiter = hinted[1] if hinted else _delimiter(first, columns)
        reader = csv.reader(chain([first], lines), delimiter=delimiter, strict=True)
        header = _header(next(reader, []), columns)
        read = hints + reader.line_num
        for cells in reader:
            read = hints + reader.line_num
            if any(cell.strip() for cell in cells):
                yield _row(read, header, cells)
    except UnicodeDecodeError as error:
        raise NotReadable(_undecodable(error.encoding)) from None
    except csv.Error as error:
        raise NotReadable(_("after line %(line)d: %(why)s") % {"line": read, "why": error}) from None


def write(file: IO[str], columns: Sequence[str], values: Iterable[Mapping[str, str]]) -> None:
    """Write these values as a file that `rows` reads; keys that are no column are passed over."""
    writer = csv.writer(file)
    writer.writerow(columns)
    writer.writerows([guarded(each.get(column, "")) for column in columns] for each in values)


def _delimiter(header: str, columns: Collection[str]) -> str:
    """The one by which most columns are found; a comma where none stands out."""

    def found(delimiter: str) -> int:
        return sum(name.strip(' "\r\n').lower() in columns for name in header.split(delimiter))

    return max(_DELIMITERS, key=found)


def _header(cells: Sequence[str], columns: Collection[str]) -> list[str]:
    """The names of the columns, "" for one without, as delimiters at the end of each line make them."""
    header = [cell.strip().lower() for cell in cells]
    named = [name for name in header if name]
    needed, listed = next(iter(columns)), ", ".join(columns)
    if unknown := sorted(set(named) - set(columns)):
        sentence = _("no column %(column)s is known; the first line names the columns: %(columns)s")
        raise NotReadable(sentence % {"column": repr(unknown[0]), "columns": listed})
    if needed not in named:
        sentence = _("there is no column %(column)s; the first line names the columns: %(columns)s")
        raise NotReadable(sentence % {"column": repr(needed), "columns": listed})
    if len(set(named)) < len(named):
        raise NotReadable(_("a column is named twice"))
    return header


def _row(line: int, header: Sequence[str], cells: Sequence[str]) -> Row:
    given = dict(zip(header, cells, strict=False))
    values = {name: unguarded(given.get(name, "")) for name in header if name}
    unnamed = [cell for name, cell in zip(header, cells, strict=False) if not name]
    return Row(line, values, surplus=any(cell.strip() for cell in (*unnamed, *cells[len(header) :])))


def _encoding(file: IO[bytes], columns: Collection[str]) -> str:
    """Raises `NotReadable` where it cannot be told."""
    file.seek(0)
    start = file.read(_SAMPLE_BYTES)
    if start.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        return "utf-16"
    # The names of columns are ASCII, of which every other byte is zero then: the second of each, or the first.
    place = start.lower().find(next(iter(columns)).encode("utf-16-le"))
    if place >= 0:
        return "utf-16-be" if place % 2 else "utf-16-le"
    if _decodes(file, "utf-8"):
        return "utf-8-sig"
    if _decodes(file, "gb18030") and _lists_chinese(start, columns):
        return "gb18030"
    raise NotReadable(_undecodable("utf-8"))


def _undecodable(encoding: str) -> str:
    if encoding.startswith("utf-8"):
        return _("the file is not UTF-8, and no other encoding can be told for sure; save it as CSV UTF-8")
    return _("the file cannot be read as %(encoding)s; save it as CSV UTF-8") % {"encoding": encoding}


def _decodes(file: IO[bytes], encoding: str) -> bool:
    decoder = getincrementaldecoder(encoding)()
    file.seek(0)
    try:
        while chunk := file.read(_CHUNK_BYTES):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _lists_chinese(start: bytes, columns: Collection[str]) -> bool:
    """Whether bytes that are no UTF-8 are a list of Chinese people in GB18030.

    Korean, Japanese and even Latin bytes may decode as such, too; a wrong guess would make garbage of names, for good. So
    the text has to be plausible to charset-normalizer, and most names have to begin with a Chinese surname.
    """
    # Takes 0.1 s to load, and most processes never need it.
    from charset_normalizer import from_bytes  # noqa: PLC0415

    whole = start[: start.rfind(b"\n") + 1] or start
    if not any(match.encoding == "gb18030" for match in from_bytes(whole, cp_isolation=["gb18030"])):
        return False
    initials = _initials(whole.decode("gb18030", "replace"), columns)
    return bool(initials) and 2 * sum(initial in COMMON for initial in initials) > len(initials)


def _initials(text: str, columns: Collection[str]) -> list[str]:
    """The first characters of names, of those that are not plain ASCII."""
    column = next(iter(columns))
    try:
        names = [
            row.values[column].strip() for row in islice(rows(StringIO(text, newline=""), columns), _SAMPLE_NAMES)
        ]
    except NotReadable:
        return []
    return [name[0] for name in names if not name.isascii()]
