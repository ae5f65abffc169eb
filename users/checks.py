"""System checks: what is wrong with the settings or the database is said before anything runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.exceptions import ImproperlyConfigured
from django.db import connections
from django.db.utils import OperationalError

from users.sync import triggers

LEASE_MARGIN_SECONDS = 5.0
LONGEST_BACKOFF_SECONDS = 900.0


@register()
def durations(**_: Any) -> list[CheckMessage]:
    """A lease outlives the longest call and the longest wait for the database."""
    problems: list[CheckMessage] = []
    database_seconds = settings.SYNC_DATABASE_TIMEOUT_SECONDS
    for target in settings.SYNC_TARGETS.values():
        least = target.timeout_seconds + database_seconds + LEASE_MARGIN_SECONDS
        if least > settings.SYNC_LEASE_SECONDS:
            problems.append(
                Error(
                    f"SYNC_LEASE_SECONDS is {settings.SYNC_LEASE_SECONDS:g}, too short for "
                    f"TARGET_{target.name.upper()}_TIMEOUT_SECONDS = {target.timeout_seconds:g}",
                    hint=f"Make it at least {least:g}: the call, {database_seconds:g} s for the database, "
                    f"{LEASE_MARGIN_SECONDS:g} s of margin.",
                    id="usersync.E001",
                )
            )
    if settings.SYNC_RETRY_BACKOFF_MAX_SECONDS > LONGEST_BACKOFF_SECONDS:
        problems.append(
            Error(
                f"SYNC_RETRY_BACKOFF_MAX_SECONDS is {settings.SYNC_RETRY_BACKOFF_MAX_SECONDS:g}",
                hint=f"Make it at most {LONGEST_BACKOFF_SECONDS:g}: brokers redeliver what waits longer.",
                id="usersync.E002",
            )
        )
    if settings.SYNC_RETRY_BACKOFF_SECONDS > settings.SYNC_RETRY_BACKOFF_MAX_SECONDS:
        problems.append(
            Error(
                "SYNC_RETRY_BACKOFF_SECONDS is above SYNC_RETRY_BACKOFF_MAX_SECONDS",
                hint="The first delay cannot be longer than the longest.",
                id="usersync.E003",
            )
        )
    if settings.SYNC_BREAKER_SECONDS > settings.SYNC_BREAKER_MAX_SECONDS:
        problems.append(
            Error(
                "SYNC_BREAKER_SECONDS is above SYNC_BREAKER_MAX_SECONDS",
                hint="The first pause cannot be longer than the longest.",
                id="usersync.E004",
            )
        )
    return problems


@register(Tags.database)
def triggers_in_place(*, databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """The triggers are there, where the tables are."""
    problems: list[CheckMessage] = []
    for alias in databases or ():
        try:
            absent = triggers.missing(connections[alias]) if triggers.tables_exist(connections[alias]) else []
        except OperationalError:
            continue
        if absent:
            problems.append(
                Error(
                    f"Database triggers are missing: {', '.join(absent)}",
                    hint="Run: python manage.py migrate",
                    id="usersync.E010",
                )
            )
    return problems


def require_sound() -> None:
    """Raise `ImproperlyConfigured` for what would make a worker go wrong. For processes without checks."""
    for problem in durations():
        raise ImproperlyConfigured(f"{problem.msg}. {problem.hint}")
    triggers.require_in_place()
