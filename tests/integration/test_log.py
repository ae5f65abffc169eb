"""What a database says of an error names the row, and the row is a person: it is kept out of the logs."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from django.db import IntegrityError, transaction

from users.models import User


@pytest.mark.django_db
@pytest.mark.parametrize("clash", [{"username": "zebulon1"}, {"username": "other", "phone": None}])
def test_an_error_of_the_database_is_logged_without_the_row(clash: dict[str, Any], capsys: Any) -> None:
    User.objects.create(name="Zebulon", username="zebulon1")
    line = logging.getLogger().handlers[0].formatter
    assert line is not None
    people = [User(name="Zebulon", email="zebulon@example.org", **clash)]
    with pytest.raises(IntegrityError) as caught, transaction.atomic():
        User.objects.bulk_create(people)
    error = caught.value
    record = logging.LogRecord(
        "x", logging.ERROR, "x", 1, "raised: %r", (error,), (type(error), error, error.__traceback__)
    )
    logged = line.format(record)
    assert "IntegrityError" in logged
    assert "zebulon" not in logged.lower()


WORDS = ["DETAIL:  ", "描述:  ", "详细描述：", "DÉTAIL : "]


def clash(word: str) -> IntegrityError:
    """As Django raises it, of a server that speaks this language."""
    said = f"(username) 重复\n{word}(username)=(zebulon1) \nCONTEXT:  zebulon's row"
    try:
        try:
            raise psycopg.errors.UniqueViolation(said)
        except psycopg.Error as error:
            raise IntegrityError(*error.args) from error
    except IntegrityError as error:
        return error


def as_values(error: Exception) -> logging.LogRecord:
    return logging.LogRecord("x", logging.ERROR, "x", 1, "raised: %r, %s", (error, error), None)


def as_traceback(error: Exception) -> logging.LogRecord:
    return logging.LogRecord("x", logging.ERROR, "x", 1, "raised", (), (type(error), error, error.__traceback__))


def as_cause(error: Exception) -> logging.LogRecord:
    outer = RuntimeError("outer")
    outer.__cause__ = error
    return as_traceback(outer)


def in_a_group(error: Exception) -> logging.LogRecord:
    return as_traceback(ExceptionGroup("several", [ValueError("another"), error]))


def as_text(error: Exception) -> logging.LogRecord:
    """As Celery does it, which keeps the text alone."""
    return logging.LogRecord("x", logging.INFO, "x", 1, "Retry in 3s: %s", (repr(error),), None)


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("record", [as_values, as_traceback, as_cause, in_a_group, as_text])
def test_nor_does_the_language_of_the_server_matter(
    word: str, record: Callable[[Exception], logging.LogRecord]
) -> None:
    line = logging.getLogger().handlers[0].formatter
    assert line is not None
    logged = line.format(record(clash(word)))
    assert "(username) 重复" in logged
    assert "zebulon" not in logged


def test_other_lines_are_left_as_they_are() -> None:
    line = logging.getLogger().handlers[0].formatter
    assert line is not None
    record = as_traceback(ValueError("first\nDETAIL:  second"))
    assert line.format(record).endswith("ValueError: first\nDETAIL:  second")
