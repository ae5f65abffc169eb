"""What an HTTP status means, to a record and to its target."""

from __future__ import annotations

import pytest

from thirdparty.connectors.errors import (
    AccessDenied,
    NotFound,
    OutcomeUnknown,
    RecordBusy,
    Rejected,
    TargetError,
    Transient,
    VersionConflict,
)
from thirdparty.connectors.http.session import Answer
from thirdparty.connectors.http.statuses import Meaning, failure, meaning

ROWS: list[tuple[tuple[int, ...], Meaning, type[TargetError]]] = [
    ((300, 301, 302, 303, 304, 307, 308, 401, 403, 407), Meaning.TURNED_AWAY, AccessDenied),
    ((404, 410), Meaning.ABSENT, NotFound),
    ((405,), Meaning.NOT_OFFERED, AccessDenied),
    ((409,), Meaning.CONFLICT, Rejected),
    ((412,), Meaning.OUTDATED, VersionConflict),
    ((423,), Meaning.RECORD_BUSY, RecordBusy),
    ((425, 429, 503), Meaning.NOT_NOW, Transient),
    ((202, 408, 500, 501, 502, 504, 507, 599, 600, 999), Meaning.UNKNOWN, OutcomeUnknown),
    ((400, 402, 406, 411, 413, 414, 415, 418, 422, 424, 426, 428, 431, 451), Meaning.REFUSED, Rejected),
]


@pytest.mark.parametrize(
    ("status", "means", "error"), [(status, means, error) for row, means, error in ROWS for status in row]
)
def test_every_status_has_one_meaning_and_becomes_one_error(
    status: int, means: Meaning, error: type[TargetError]
) -> None:
    assert meaning(status) is means
    assert type(failure(Answer(status, {}, b""), now=0.0)) is error


@pytest.mark.parametrize("status", [200, 201, 204])
def test_what_was_done_is_told_by_a_two_in_front(status: int) -> None:
    assert meaning(status) is Meaning.DONE


@pytest.mark.parametrize("status", [423, 425, 429, 503])
def test_what_says_later_may_say_when(status: int) -> None:
    error = failure(Answer(status, {"Retry-After": "7"}, b""), now=0.0)
    assert isinstance(error, Transient)
    assert error.retry_after_seconds == 7.0


def test_a_refusal_keeps_the_words_of_the_target() -> None:
    error = failure(Answer(422, {}, b""), message="the total is negative", now=0.0)
    assert (error.reason, error.message, error.http_status) == ("http_422", "the total is negative", 422)


def test_a_refusal_without_words_says_its_status() -> None:
    assert failure(Answer(422, {}, b""), now=0.0).message == "answered HTTP 422"


def test_a_contract_may_read_a_status_in_its_own_way() -> None:
    assert isinstance(failure(Answer(404, {}, b""), now=0.0, as_meaning=Meaning.NOT_OFFERED), AccessDenied)
