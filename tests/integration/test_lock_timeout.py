"""A database that lets statements wait for longer than the leases allow for is named, with what to do."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection

from thirdparty.checks.of_database import lock_timeouts

pytestmark = pytest.mark.django_db


def found() -> list[tuple[str | None, str]]:
    return [(problem.id, problem.msg) for problem in lock_timeouts(databases=["default"])]


def test_the_deployments_own_database_is_told_how_long_to_wait() -> None:
    assert found() == []


def test_one_that_waits_for_longer_than_the_setting_says_is_named(settings: Any) -> None:
    settings.SYNC_DATABASE_TIMEOUT_SECONDS = 2.5
    ((number, message),) = found()
    assert number == "thirdparty.W022"
    assert "wait for a lock for 20 s, and SYNC_DATABASE_TIMEOUT_SECONDS is 2.5" in message


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite always has a time-out")
def test_one_that_waits_for_ever_is_named() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout = 0")
    ((_, message),) = found()
    assert "wait for a lock for ever" in message


def test_without_databases_nothing_is_asked() -> None:
    assert lock_timeouts(databases=None) == []
