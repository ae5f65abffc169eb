"""Statements that every push makes: planned once for each connection, where its settings allow prepared statements.

PostgreSQL takes longer to plan the claim of one record than to run it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import DatabaseError, connection
from django.utils.module_loading import import_string

logger = logging.getLogger(__name__)

_IN_VAIN = {
    "26000": "this connection does not know a statement that was prepared on it",
    "42P05": "this connection already has a statement of that name",
    "0A000": "a migration has changed what a prepared statement returns",
}
"""SQLSTATEs that a statement meets only because it is prepared, as behind a pooler that keeps none."""
_BINDS_AT_THE_SERVER = "django.db.backends.postgresql.base.ServerBindingCursor"
_in_vain = threading.Event()


@contextmanager
def prepared() -> Iterator[None]:
    """Cursors that are opened in this block send parameters apart from their statement, which psycopg then prepares.

    Where ``prepare_threshold`` is not among the database's OPTIONS, as is Django's default for the sake of poolers, and on
    SQLite, whose driver keeps statements by itself, they are cursors as always; and so they are for the rest of this
    process once preparing has failed. The statement that failed fails: whoever made it comes again, as after any error.
    """
    connection.ensure_connection()
    driver = connection.connection
    if _in_vain.is_set() or connection.vendor != "postgresql" or getattr(driver, "prepare_threshold", None) is None:
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


def _note_if_in_vain(error: DatabaseError) -> None:
    reason = _IN_VAIN.get(str(getattr(error.__cause__, "sqlstate", "")))
    if reason is not None:
        _in_vain.set()
        logger.warning("%s: this process prepares no more; leave prepare_threshold out of DATABASE_URL", reason)
