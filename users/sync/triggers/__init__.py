"""The database triggers that record intent: no write path can forget to owe a change.

One list of columns (`sql.SYNCED_COLUMNS`) makes the SQL for PostgreSQL and SQLite.
"""

from __future__ import annotations

import logging
from types import ModuleType

from django.core.exceptions import ImproperlyConfigured
from django.db import connection as default_connection
from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import OperationalError

from users.sync.dialect import dialect
from users.sync.triggers import postgresql, sqlite
from users.sync.triggers.sql import MEMBERSHIP, ROLES, ROWS, TARGETS, USERS, Intent

logger = logging.getLogger(__name__)


class TriggersMissing(ImproperlyConfigured):
    """Writes would go unrecorded: refuse to go on."""


def missing(connection: BaseDatabaseWrapper = default_connection) -> list[str]:
    """Names of the triggers that are absent, switched off or not as this version writes them."""
    return list(_vendor(connection).missing(connection, Intent(dialect(connection))))


def require_in_place() -> None:
    """Raise `TriggersMissing` unless every trigger is there. An unreachable database is left to others."""
    try:
        absent = missing()
    except OperationalError:
        logger.warning("database unreachable: triggers not checked")
        return
    if absent:
        raise TriggersMissing(
            f"Database triggers are missing ({', '.join(absent)}): changes would not reach any target. "
            "Run: python manage.py migrate"
        )


def install(connection: BaseDatabaseWrapper = default_connection) -> bool:
    """Put every trigger in place; True when some had been missing.

    Writes made while triggers were missing are unrecorded, so then every record is owed again,
    and records whose user is gone become tombstones.
    """
    if not tables_exist(connection):
        return False
    vendor, intent = _vendor(connection), Intent(dialect(connection))
    with transaction.atomic(using=connection.alias):
        if not vendor.missing(connection, intent):
            return False
        _execute(connection, vendor.drop(intent))
        _execute(connection, vendor.create(connection, intent))
        _execute(connection, intent.everything())
    return True


def drop(connection: BaseDatabaseWrapper = default_connection) -> None:
    """Remove every trigger, before a migration alters the tables that carry them."""
    _execute(connection, _vendor(connection).drop(Intent(dialect(connection))))


def tables_exist(connection: BaseDatabaseWrapper) -> bool:
    """Whether every table that the triggers name is there."""
    return {USERS, MEMBERSHIP, ROLES, ROWS, TARGETS} <= set(connection.introspection.table_names())


def _execute(connection: BaseDatabaseWrapper, statements: list[str]) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement, [])


def _vendor(connection: BaseDatabaseWrapper) -> ModuleType:
    return postgresql if connection.vendor == "postgresql" else sqlite
