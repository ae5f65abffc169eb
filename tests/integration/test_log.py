"""What a database says of an error names the row, and the row is a person: it is kept out of the logs."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any

import environ
import psycopg
import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import IntegrityError, transaction

from syncproject.env import log_format
from syncproject.log import Discreet, DiscreetJson
from users.models import User


@pytest.fixture(params=["line", "json"])
def line(request: pytest.FixtureRequest) -> logging.Formatter:
    """Each form of a line, as the settings make it."""
    given = {**settings.LOGGING["formatters"][request.param]}
    made = {"syncproject.log.Discreet": Discreet, "syncproject.log.DiscreetJson": DiscreetJson}
    formatter: logging.Formatter = made[given.pop("()")](**given)
    return formatter


def said(logged: str) -> str:
    """All texts of a line, as somebody reads them."""
    return "\n".join(map(str, json.loads(logged).values())) if logged.startswith("{") else logged


@pytest.mark.django_db
@pytest.mark.parametrize("clash", [{"username": "zebulon1"}, {"username": "other", "phone": None}])
def test_an_error_of_the_database_is_logged_without_the_row(clash: dict[str, Any], line: logging.Formatter) -> None:
    User.objects.create(name="Zebulon", username="zebulon1")
    people = [User(name="Zebulon", email="zebulon@example.org", **clash)]
    with pytest.raises(IntegrityError) as caught, transaction.atomic():
        User.objects.bulk_create(people)
    error = caught.value
    record = logging.LogRecord(
        "x", logging.ERROR, "x", 1, "raised: %r", (error,), (type(error), error, error.__traceback__)
    )
    logged = said(line.format(record))
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
    word: str, record: Callable[[Exception], logging.LogRecord], line: logging.Formatter
) -> None:
    logged = said(line.format(record(clash(word))))
    assert "(username) 重复" in logged
    assert "zebulon" not in logged


def test_other_lines_are_left_as_they_are(line: logging.Formatter) -> None:
    record = as_traceback(ValueError("first\nDETAIL:  second"))
    assert said(line.format(record)).endswith("ValueError: first\nDETAIL:  second")


def test_json_is_one_object_on_one_line_whatever_is_said() -> None:
    record = as_traceback(ValueError("first\nsecond\u2028third 张伟"))

    logged = DiscreetJson().format(record)

    assert len(logged.splitlines()) == 1
    told = json.loads(logged)
    assert list(told) == ["time", "level", "logger", "request_id", "message", "exception"]
    assert (told["level"], told["logger"], told["message"]) == ("ERROR", "x", "raised")
    assert told["time"].endswith("+00:00")
    assert told["exception"].endswith("ValueError: first\nsecond\u2028third 张伟")


def test_json_leaves_out_what_a_line_has_beside_its_message() -> None:
    record = logging.makeLogRecord({"msg": "x", "person": "zebulon", "request": "zebulon"})

    assert "zebulon" not in DiscreetJson().format(record)


def test_a_form_that_there_is_not_is_refused_with_the_settings_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJANGO_LOG_FORMAT", "xml")

    with pytest.raises(ImproperlyConfigured, match="DJANGO_LOG_FORMAT is 'xml'; use line or json"):
        log_format(environ.Env(), "DJANGO_LOG_FORMAT", "line")
