"""What every push makes of statements is prepared, on PostgreSQL; and nothing rests on it."""

from __future__ import annotations

import threading

import pytest
from django.db import DatabaseError, OperationalError, connection

from tests.integration.conftest import held_records, row_of, step, wanted_records
from thirdparty.sandbox.client import SandboxControl
from thirdparty.store import prepared
from users.models import User

pytestmark = pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite's driver keeps statements by itself")


@pytest.fixture(autouse=True)
def _prepares(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepared, "_in_vain", threading.Event())
    monkeypatch.setattr(prepared, "_looked", threading.Event())
    connection.ensure_connection()
    monkeypatch.setattr(connection.connection, "prepare_threshold", 1)


def _prepared_statements() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement FROM pg_prepared_statements")
        return "\n".join(statement for (statement,) in cursor.fetchall())


def _user(n: int) -> User:
    return User.objects.create(name="张伟", phone=f"1380000000{n}", email="zw@example.com")


def test_a_claim_an_attempt_and_a_settlement_are_prepared(sandbox: SandboxControl) -> None:
    for n in range(3):
        step(_user(n))
    statements = _prepared_statements()
    assert "UPDATE thirdparty_record SET\n            unknown_until" in statements
    assert "INSERT INTO thirdparty_attempt" in statements
    assert "lease_token = NULL, leased_until = NULL" in statements
    assert held_records(sandbox) == wanted_records()


def test_what_a_project_asks_of_its_own_tables_is_left_alone(sandbox: SandboxControl) -> None:
    for n in range(3):
        step(_user(n))
    assert "users_user" not in _prepared_statements()


def test_nothing_is_prepared_where_the_database_s_options_do_not_say_so(
    sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = _prepared_statements()
    monkeypatch.setattr(connection.connection, "prepare_threshold", None)
    for n in range(3):
        step(_user(n))
    assert _prepared_statements() == before


def test_nothing_is_prepared_behind_a_pooler_that_keeps_no_statements(
    sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """There a name that two processes gave is the statement of either."""
    monkeypatch.setattr(prepared, "_pid_told", lambda _: 0)  # as a pooler tells one that it has made up
    connection.connection.pgconn.exec_(b"DEALLOCATE ALL")
    for n in range(3):
        step(_user(n))
    assert "thirdparty" not in _prepared_statements()
    assert "keeps no prepared statements" in caplog.text
    assert held_records(sandbox) == wanted_records()


def test_a_connection_that_is_lost_while_it_is_looked_at_says_nothing_of_a_pooler() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (own,) = cursor.fetchone()
    elsewhere = connection.copy()
    with elsewhere.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [own])
    elsewhere.close()
    with pytest.raises(OperationalError), prepared.prepared():
        pass
    assert not prepared._in_vain.is_set()
    assert not prepared._looked.is_set()
    connection.close()


def test_a_connection_that_has_lost_its_statements_fails_once_and_prepares_no_more(
    sandbox: SandboxControl, caplog: pytest.LogCaptureFixture
) -> None:
    for n in range(3):
        step(_user(n))
    connection.connection.pgconn.exec_(b"DEALLOCATE ALL")  # as a pooler does, behind the driver's back
    user = _user(3)
    with pytest.raises(DatabaseError):
        step(user)
    assert "switch it off (prepare_threshold=none" in caplog.text
    step(user)
    assert row_of(user).state == "synced"
    assert held_records(sandbox) == wanted_records()
