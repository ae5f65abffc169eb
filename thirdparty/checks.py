"""System checks: what is wrong with the settings or the database is said before anything runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, Warning, register  # noqa: A004  # Django's name
from django.core.exceptions import ImproperlyConfigured
from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import OperationalError
from requests.utils import get_environ_proxies, select_proxy

from thirdparty import targets
from thirdparty.alerts.checks import alerts_can_be_sent
from thirdparty.capture import triggers
from thirdparty.connectors.config import DIRECT
from thirdparty.decide.brake import DAY
from thirdparty.declaration import misdeclared
from thirdparty.declaration.registry import declared, declared_for
from thirdparty.notify import broker
from thirdparty.settings import settings

LEASE_MARGIN_SECONDS = 5.0
LONGEST_BACKOFF_SECONDS = 900.0
_READ_COMMITTED = "read committed"
_SQLITE_TIMEOUT_SECONDS = 5.0
"""What Python's own driver has where nothing is said."""


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
                    id="thirdparty.E001",
                )
            )
    if settings.SYNC_RETRY_BACKOFF_MAX_SECONDS > LONGEST_BACKOFF_SECONDS:
        problems.append(
            Error(
                f"SYNC_RETRY_BACKOFF_MAX_SECONDS is {settings.SYNC_RETRY_BACKOFF_MAX_SECONDS:g}",
                hint=f"Make it at most {LONGEST_BACKOFF_SECONDS:g}: brokers redeliver what waits longer.",
                id="thirdparty.E002",
            )
        )
    if settings.SYNC_RETRY_BACKOFF_SECONDS > settings.SYNC_RETRY_BACKOFF_MAX_SECONDS:
        problems.append(
            Error(
                "SYNC_RETRY_BACKOFF_SECONDS is above SYNC_RETRY_BACKOFF_MAX_SECONDS",
                hint="The first delay cannot be longer than the longest.",
                id="thirdparty.E003",
            )
        )
    if settings.SYNC_BREAKER_SECONDS > settings.SYNC_BREAKER_MAX_SECONDS:
        problems.append(
            Error(
                "SYNC_BREAKER_SECONDS is above SYNC_BREAKER_MAX_SECONDS",
                hint="The first pause cannot be longer than the longest.",
                id="thirdparty.E004",
            )
        )
    if DAY.total_seconds() < settings.SYNC_BRAKE_WINDOW_SECONDS:
        problems.append(
            Error(
                f"SYNC_BRAKE_WINDOW_SECONDS is {settings.SYNC_BRAKE_WINDOW_SECONDS:g}, longer than a day",
                hint="Make it at most 86400: in a day twice as many records may go as in the window.",
                id="thirdparty.E007",
            )
        )
    return problems


@register()
def declarations(**_: Any) -> list[CheckMessage]:
    """What is declared can be: its fields are there, its scope can be compiled, its tables are where the records are."""
    wrong: list[CheckMessage] = [
        Error(fault.message, hint=fault.hint, id=f"thirdparty.E{fault.number}") for fault in misdeclared.faults()
    ]
    strange = [
        Warning(
            f"{declaration.kind} is for target {name!r}, which settings do not name",
            hint="Name it in SYNC_TARGETS, or take it out of `targets`. Where it is only away, nothing is lost.",
            id="thirdparty.W110",
        )
        for declaration in declared()
        for name in sorted({*(declaration.targets or ())} - {*targets.names()})
    ]
    return [*wrong, *strange]


@register(Tags.database)
def tables_carry_triggers(*, databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """What is declared or watched is a table of this database: of views and foreign tables no write is seen."""
    problems: list[CheckMessage] = []
    for alias in databases or ():
        try:
            found = triggers.without_triggers(connections[alias])
        except OperationalError:
            continue
        problems += [
            Error(
                f"{table} is watched, and is a {what}: writes to it would not be seen",
                hint="Declare a model of the tables behind it.",
                id="thirdparty.E111",
            )
            for table, what in found.items()
        ]
    return problems


@register()
def connectors_can_be_made(**_: Any) -> list[CheckMessage]:
    """Each target's connector takes each kind of object that is declared for the target. No network is touched."""
    problems: list[CheckMessage] = []
    for name in targets.names():
        kinds = [declaration.kind for declaration in declared_for(name)]
        if not kinds:
            problems.append(
                Error(
                    f"Nothing is declared for target {name!r}",
                    hint="Take it out of SYNC_TARGETS, or name it in the `targets` of a declaration (synced.py).",
                    id="thirdparty.E006",
                )
            )
        for kind in kinds:
            try:
                targets.connector(name, kind)
            except ImproperlyConfigured as wrong:
                problems.append(Error(str(wrong), hint=f"See TARGET_{name.upper()}_CONNECTOR.", id="thirdparty.E005"))
    return problems


@register()
def requests_are_no_transactions(**_: Any) -> list[CheckMessage]:
    """Our own views are exempt; what somebody else's do inside their request's transaction, we cannot know."""
    return [
        Warning(
            f"ATOMIC_REQUESTS is on for the database {alias!r}",
            hint="Strict writes, and those that wait, are refused inside a transaction (thirdparty.consistency.strict."
            "WithinTransaction): mark views that make them with transaction.non_atomic_requests.",
            id="thirdparty.W020",
        )
        for alias in connections
        if connections[alias].settings_dict["ATOMIC_REQUESTS"]
    ]


@register()
def celery_application(**_: Any) -> list[CheckMessage]:
    """Somebody carries the engine's tasks: without, no hint is published and no worker takes one."""
    if broker.has_application():
        return []
    return [
        Warning(
            "No Celery application was given to the engine, so nothing is sent",
            hint="Call thirdparty.celery.install(app) where the project makes its Celery application, and import that "
            "module in the project's __init__.py.",
            id="thirdparty.W021",
        )
    ]


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


@register()
def proxies_of_the_environment(**_: Any) -> list[CheckMessage]:
    """A proxy that other programs take from the environment is not taken here; say so, once for each target."""
    return [
        Warning(
            f"The environment names a proxy, and target {target.name!r} is called directly",
            hint=f"HTTPS_PROXY and the like are not read. Set TARGET_{target.name.upper()}_PROXY=http://host:port, "
            f"or ={DIRECT} if the direct way is meant.",
            id="thirdparty.W001",
        )
        for target in settings.SYNC_TARGETS.values()
        if target.proxy is None and not target.direct and _of_environment(target.base_url)
    ]


def _of_environment(base_url: str) -> str | None:
    """Whatever a client that reads the environment would take (``NO_PROXY`` heeded)."""
    return select_proxy(base_url, get_environ_proxies(base_url))


def require_sound() -> None:
    """Raise `ImproperlyConfigured` for what would make a worker go wrong. For processes without checks."""
    wrong = [problem for problem in (*declarations(), *alerts_can_be_sent()) if problem.is_serious()]
    for problem in durations() or wrong or connectors_can_be_made() or isolation(databases=[DEFAULT_DB_ALIAS]):
        raise ImproperlyConfigured(f"{problem.msg}. {problem.hint}")
    triggers.require_in_place()
