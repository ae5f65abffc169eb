"""The form of log lines: for people, or as JSON. Neither says which row an error of the database was about."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from datetime import UTC, datetime

import psycopg
from django import db

_LEFT_OUT = "(details left out)"
_ERRORS = "|".join(sorted({error.__name__ for error in vars(psycopg.errors).values() if isinstance(error, type)}))
_QUOTED = re.compile(rf"""\b({_ERRORS})(\((['"])(?:(?!\\n).)*?)\\n.*""")
"""An error in the form of a `repr`, whose traceback is gone: to the end of the line, as all that follows is on the same one."""


class Discreet(logging.Formatter):
    r"""Leaves out what PostgreSQL adds to its errors to say which row it was: people's details, values and all.

    The first line of such an error is its message; all others are additions, whatever the server's language calls them.
    """

    def format(self, record: logging.LogRecord) -> str:
        return _discreet(super().format(record), record)


class DiscreetJson(logging.Formatter):
    """An object on one line: ``time`` (UTC), ``level``, ``logger``, ``request_id``, ``message``, and ``exception`` and ``stack`` where there are any.

    As discreet as `Discreet`. What a line has beside these (``extra``) is left out, since nobody has looked what it may hold.
    """

    def format(self, record: logging.LogRecord) -> str:
        request_id = getattr(record, "request_id", "-")
        texts = {
            "message": record.getMessage(),
            "exception": self.formatException(record.exc_info) if record.exc_info else record.exc_text,
            "stack": record.stack_info,
        }
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "request_id": None if request_id == "-" else request_id,
        } | {name: _discreet(text, record) for name, text in texts.items() if text is not None}
        return json.dumps(line)


def _discreet(text: str, record: logging.LogRecord) -> str:
    for error in _of_database(record):
        text = _shortened(text, str(error))
    return _QUOTED.sub(rf"\1\2 {_LEFT_OUT}", text)


def _shortened(text: str, whole: str) -> str:
    first, *more = whole.split("\n")
    if not more:
        return text
    text = text.replace(whole, f"{first} {_LEFT_OUT}")
    for line in filter(str.strip, more):  # of a group of errors each line is indented by itself
        text = text.replace(line, _LEFT_OUT)
    return text


def _of_database(record: logging.LogRecord) -> Iterator[BaseException]:
    """The database's errors that this record tells of: in its values, its traceback, and behind those."""
    values = record.args if isinstance(record.args, tuple) else (record.args,)
    left = [value for value in (*values, record.msg) if isinstance(value, BaseException)]
    if record.exc_info and record.exc_info[1] is not None:
        left.append(record.exc_info[1])
    seen: set[int] = set()
    while left:
        error = left.pop()
        if id(error) in seen:
            continue
        seen.add(id(error))
        if isinstance(error, (db.Error, psycopg.Error)):
            yield error
        left += [each for each in (error.__cause__, error.__context__) if each is not None]
        if isinstance(error, BaseExceptionGroup):
            left += error.exceptions
