"""Statements that every push makes: planned once for each connection, where its settings allow prepared statements.

PostgreSQL takes longer to plan the claim of one record than to run it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from django.db import DatabaseError, connection
from django.utils.module_loading import import_string

logger = logging.getLogger(__name__)

_IN_VAIN = {
    "26000": "this connection does not know a statement that was prepared on it",
    "42P05": "this connection already has a statement of that name",
    "08P01": "this connection has another statement of that name",
    "0A000": "a migration has changed what a prepared statement returns",
}
"""SQLSTATEs that a statement meets only because it is prepared, as behind a pooler that keeps none."""
_OF_THE_DRIVER = "_pg3_"
_BINDS_AT_THE_SERVER = "django.db.backends.postgresql.base.ServerBindingCursor"
_PROBE = (
    "SELECT name FROM pg_prepared_statements WHERE statement LIKE 'SELECT name FROM pg_prepared_statements WHERE%'"
)
_in_vain = threading.Event()
_looked = threading.Event()


@contextmanager
def prepared() -> Iterator[None]:
    """Cursors that are opened in this block send parameters apart from their statement, which psycopg then prepares.

    Where ``prepare_threshold`` is not among the database's OPTIONS, as is Django's default for the sake of poolers, and on
    SQLite, whose driver keeps statements by itself, they are cursors as always; and so they are for the rest of this
    process once preparing has failed. The statement that failed fails: whoever made it comes again, as after any error.

    Behind a pooler that gives each transaction another connection and keeps no statements, nothing is prepared from the
    beginning. All drivers give their statements the same names, so what is run there may be another process's statement,
    and no error tells.
    """
    connection.ensure_connection()
    driver = connection.connection
    if connection.vendor != "postgresql" or getattr(driver, "prepare_threshold", None) is None or not _is_safe(driver):
        yield
        return
    before, driver.cursor_factory = driver.cursor_factory, import_string(_BINDS_AT_THE_SERVER)
    try:
        yield
    except DatabaseError as error:
        _note_if_in_vain(error)
        raise
    finally:
        driver.cursor_factory = before


def _is_safe(driver: Any) -> bool:
    """Whether what is prepared under a name is what will run under it, as far as is known. Looked at once in a process."""
    if not _looked.is_set() and not _in_vain.is_set():
        with connection.wrap_database_errors:
            in_vain = _has_pooler_without_statements(driver)
        if in_vain:
            _give_up("a pooler stands before the database and keeps no prepared statements")
        _looked.set()
    return not _in_vain.is_set()


def _has_pooler_without_statements(driver: Any) -> bool:
    psycopg = import_module("psycopg")  # there is none where the database is SQLite
    with driver.transaction():
        [pid] = psycopg.Cursor(driver).execute("SELECT pg_backend_pid()", prepare=False).fetchone()
        if pid == _pid_told(driver):
            return False
    try:
        with driver.transaction():
            names = [name for (name,) in psycopg.Cursor(driver).execute(_PROBE, prepare=True).fetchall()]
    except psycopg.Error as error:  # another client's statement has the name, or the connection is lost
        if error.sqlstate in _IN_VAIN:
            return True
        raise
    # One that keeps them gives them names of its own.
    return any(name.startswith(_OF_THE_DRIVER) for name in names)


def _pid_told(driver: Any) -> int:
    """The process that answered when the connection was made. A pooler answers for itself, with a number that it makes up."""
    return int(driver.info.backend_pid)


def _give_up(reason: str) -> None:
    _in_vain.set()
    logger.warning(
        "%s: this process prepares no more; switch it off (prepare_threshold=none in DATABASE_URL, or leave it out of a "
        "project's own OPTIONS)",
        reason,
    )


def _note_if_in_vain(error: DatabaseError) -> None:
    reason = _IN_VAIN.get(str(getattr(error.__cause__, "sqlstate", "")))
    if reason is not None:
        _give_up(reason)
