"""What the database has, and how it is set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, Warning, register  # noqa: A004  # Django's name
from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import OperationalError

from thirdparty.capture import triggers
from thirdparty.settings import settings

_READ_COMMITTED = "read committed"
_SQLITE_TIMEOUT_SECONDS = 5.0
"""What Python's own driver has where nothing is said."""


@register(Tags.database)
def triggers_in_place(*, databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """The triggers are there, where the tables are.

    A warning, since ``migrate`` makes this check before it mends what is wrong: an error would end it. Workers, web
    and reconciler refuse to go on by themselves (`require_in_place`).
    """
    problems: list[CheckMessage] = []
    for alias in databases or ():
        try:
            absent = triggers.missing(connections[alias]) if triggers.tables_exist(connections[alias]) else []
        except OperationalError:
            continue
        if absent:
            problems.append(
                Warning(
                    f"Database triggers are missing, or of an older version: {', '.join(absent)}",
                    hint="Run: python manage.py migrate",
                    id="thirdparty.W010",
                )
            )
    return problems


@register(Tags.database)
def isolation(*, databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """Transactions are READ COMMITTED: under a stricter isolation, saves that meet a push fail to serialise."""
    problems: list[CheckMessage] = []
    for alias in databases or ():
        try:
            level = _isolation(connections[alias])
        except OperationalError:
            continue
        if level != _READ_COMMITTED:
            problems.append(
                Error(
                    f"The database's transactions are {level.upper()} by default",
                    hint="Saves would fail to serialise. Let the role that this application uses have: "
                    "ALTER ROLE … SET default_transaction_isolation = 'read committed' "
                    "(a pooler may have dropped the option with which it asks for that itself).",
                    id="thirdparty.E011",
                )
            )
    return problems


def _isolation(connection: BaseDatabaseWrapper) -> str:
    """What transactions get, of several statements (Django may begin them its own way) and of one; the stricter."""
    if connection.vendor != "postgresql":
        return _READ_COMMITTED  # SQLite has one writer at a time
    levels = set()
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        for setting in ("transaction_isolation", "default_transaction_isolation"):
            cursor.execute(f"SHOW {setting}")
            levels |= set(cursor.fetchone())
    return next(iter(levels - {_READ_COMMITTED}), _READ_COMMITTED)


@register(Tags.database)
def lock_timeouts(*, databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """No statement waits for a lock for longer than the leases allow for: a lease runs out while its result waits."""
    longest = settings.SYNC_DATABASE_TIMEOUT_SECONDS
    problems: list[CheckMessage] = []
    for alias in databases or ():
        try:
            seconds = _lock_timeout_seconds(connections[alias])
        except OperationalError:
            continue
        if seconds > longest:
            problems.append(
                Warning(
                    f"The database {alias!r} lets a statement wait for a lock for "
                    f"{f'{seconds:g} s' if seconds < float('inf') else 'ever'}, and SYNC_DATABASE_TIMEOUT_SECONDS is {longest:g}",
                    hint='Say so in its OPTIONS: on PostgreSQL {"options": "-c lock_timeout=20000"} (milliseconds), on SQLite '
                    '{"timeout": 20}.',
                    id="thirdparty.W022",
                )
            )
    return problems


def _lock_timeout_seconds(connection: BaseDatabaseWrapper) -> float:
    if connection.vendor != "postgresql":
        return float(connection.settings_dict.get("OPTIONS", {}).get("timeout", _SQLITE_TIMEOUT_SECONDS))
    with connection.cursor() as cursor:
        cursor.execute("SELECT setting::int FROM pg_settings WHERE name = 'lock_timeout'")
        (milliseconds,) = cursor.fetchone()
    return milliseconds / 1000 if milliseconds else float("inf")
