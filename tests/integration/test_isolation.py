"""Transactions are READ COMMITTED, whatever the database's default is; where they are not, it is said at the start."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import connection

from thirdparty.checks import require_sound

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has one writer at a time"),
]


@contextmanager
def default_of_database(isolation: str) -> Iterator[None]:
    name = connection.ops.quote_name(connection.settings_dict["NAME"])
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER DATABASE {name} SET default_transaction_isolation = '{isolation}'")
    connection.close()
    try:
        yield
    finally:
        connection.close()
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER DATABASE {name} RESET default_transaction_isolation")


def test_a_stricter_default_of_the_database_does_not_reach_our_transactions() -> None:
    with default_of_database("repeatable read"):
        known = connection.settings_dict
        with psycopg.connect(
            host=known["HOST"], port=known["PORT"] or None, user=known["USER"], dbname=known["NAME"]
        ) as other:
            assert other.execute("SHOW transaction_isolation").fetchone() == ("repeatable read",)
        require_sound()
        call_command("check", databases=["default"])


@pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])
def test_a_stricter_isolation_that_does_reach_them_stops_the_start_with_a_hint(isolation: str) -> None:
    """As behind a pooler that drops the option by which we ask for another."""
    with connection.cursor() as cursor:
        cursor.execute(f"SET default_transaction_isolation = '{isolation}'")
    try:
        with pytest.raises(ImproperlyConfigured, match=isolation.upper()):
            require_sound()
        with pytest.raises(SystemCheckError, match=r"thirdparty\.E011"):
            call_command("check", databases=["default"])
    finally:
        connection.close()
