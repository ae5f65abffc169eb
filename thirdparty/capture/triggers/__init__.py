"""The database triggers that record intent: no write path can forget to owe a change.

They are made from the declarations (`plan`), for PostgreSQL and for SQLite.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import TypeVar

from django.core.exceptions import ImproperlyConfigured
from django.db import connection as default_connection
from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations import Migration
from django.db.utils import OperationalError

from thirdparty import targets
from thirdparty.capture.triggers import alterations, postgresql, sqlite
from thirdparty.capture.triggers.version import Survey, marked, survey
from thirdparty.declaration import is_declared, of_kind
from thirdparty.models import Declaration, Target
from thirdparty.store.contention import is_contention
from thirdparty.store.tables import DECLARATIONS, RECORDS, TARGETS

LOCK_MILLISECONDS = 500
"""So long a save may wait behind a trigger that waits for its table."""
PAUSE_SECONDS = 1.0
TRIES = 60

logger = logging.getLogger(__name__)
T = TypeVar("T")


class TriggersMissing(ImproperlyConfigured):
    """Writes would go unrecorded: refuse to go on."""


class TriggersBusy(Exception):
    """Transactions that are open hold the tables that the triggers belong to: try again when they have ended."""


def missing(connection: BaseDatabaseWrapper = default_connection) -> list[str]:
    """Names of the triggers that are absent, switched off, altered or of an older version than this process."""
    return _look(connection).missing


def are_only_outdated(connection: BaseDatabaseWrapper = default_connection) -> bool:
    """Whether all that is missing is there in an older version, which records what that version watches."""
    found = _look(connection)
    return bool(found.outdated) and not (found.absent or found.switched_off)


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


def install(
    connection: BaseDatabaseWrapper = default_connection, *, noted: Callable[[str], None] = lambda _: None
) -> bool:
    """Put every trigger in place; True when some had been missing.

    Those of one declaration in one transaction, so that they are all of one version; in it, ``noted`` is called with its kind,
    whatever was in place. Kinds whose tables are not all there are left alone (`waiting`).

    One of an older version is replaced, and nothing is owed for it: it recorded until its successor did. Nor is it for one
    that only a new version of the declaration needs: what the version before made of an object did not depend on that
    table. Writes made while another was missing are unrecorded, so then every record has to be owed again: that is noted with
    the trigger, in one transaction, and done in batches by `thirdparty.capture.catch_up`. Triggers of a newer version are
    left alone. Raises `TriggersBusy`.
    """
    if not tables_exist(connection):
        return False
    planned = _vendor(connection).triggers(connection).values()
    kinds = {trigger.kind for trigger in planned} - waiting(connection)
    missed = [_in_turn(connection, partial(_renew, connection, kind, noted)) for kind in sorted(kinds)]
    return any(missed)


def _renew(connection: BaseDatabaseWrapper, kind: str, noted: Callable[[str], None]) -> bool:
    """Put those of one declaration in place; True where some had been missing."""
    vendor, found, there = _vendor(connection), _look(connection), _kinds(connection)
    planned = vendor.triggers(connection)
    absent = [name for name in found.absent if planned[name].kind == kind]
    outdated = [name for name in found.outdated if planned[name].kind == kind]
    off = [name for name in found.switched_off if there[name] == kind]
    gap = bool(off) or not _unneeded_before(connection, absent).issuperset(absent)
    if outdated or absent:
        _execute(connection, vendor.create(connection, [*outdated, *absent]))
    for name in off:
        _execute(connection, vendor.switch_on(connection, name))
    _execute(connection, vendor.drop([name for name in found.needless if there[name] == kind]))
    if gap:
        targets.owe_anew(using=connection.alias)
    noted(kind)
    return bool(absent or off)


def _kinds(connection: BaseDatabaseWrapper) -> dict[str, str]:
    """The kind of each trigger that is there, by name."""
    return {found.name: marked(found.text)[0] for found in _vendor(connection).present(connection)}


def _unneeded_before(connection: BaseDatabaseWrapper, names: list[str]) -> set[str]:
    """Those that belong to a declaration whose version rises now, and that its version before did not have.

    None, where one that it had does not fire; nor where records may be left of a version before that one.
    """
    vendor = _vendor(connection)
    planned, firing = vendor.triggers(connection), {found.name for found in vendor.present(connection) if found.fires}
    under_way = {kind for row in Target.objects.using(connection.alias) for kind in row.raised}
    whole = {
        row.kind: row.triggers
        for row in Declaration.objects.using(connection.alias).filter(triggers__isnull=False)
        if row.kind not in under_way and is_declared(row.kind) and row.version < of_kind(row.kind).version
        and firing.issuperset(row.triggers or ())
    }  # fmt: skip
    return {
        name
        for name in names
        for before in [whole.get(planned[name].kind)]
        if before is not None and name not in before
    }


def names(connection: BaseDatabaseWrapper, kind: str) -> list[str]:
    """Of the triggers that this declaration needs, as this process has it."""
    return sorted(name for name, trigger in _vendor(connection).triggers(connection).items() if trigger.kind == kind)


def drop_undeclared(connection: BaseDatabaseWrapper) -> list[str]:
    """Remove the triggers of kinds that are declared no more; returns their names. Raises `TriggersBusy`.

    Those that a newer engine made are left to it.
    """
    undeclared = list(_look(connection).undeclared)
    if undeclared:
        _in_turn(connection, lambda: _execute(connection, _vendor(connection).drop(undeclared)))
    return undeclared


def make_way(connection: BaseDatabaseWrapper, migrations: list[Migration], *, taken_out: bool = False) -> None:
    """Remove the triggers where these migrations would trip over them: on SQLite, for a table that is rebuilt.

    ``taken_out``: the tables that they write to go. On every database, each save would fail with them left behind.
    """
    rebuilt = connection.vendor == "sqlite" and alterations.alter(migrations)
    if (taken_out or rebuilt) and tables_exist(connection):
        drop(connection)


def as_they_stand(connection: BaseDatabaseWrapper) -> dict[str, str]:
    """The triggers that have to make way for some migrations, as the database has them: for `put_back`."""
    if connection.vendor != "sqlite":
        return {}
    return {found.name: found.text for found in sqlite.present(connection)}


def put_back(connection: BaseDatabaseWrapper, stood: dict[str, str]) -> bool:
    """A migration failed: put back those that made way, as they were, for the tables are too. True where any had.

    What was written meanwhile is unrecorded, so everything is owed.
    """
    gone = stood.keys() - as_they_stand(connection).keys()
    if not gone:
        return False
    with transaction.atomic(using=connection.alias):
        _execute(connection, [stood[name].replace("%", "%%") for name in sorted(gone)])
        targets.owe_anew(using=connection.alias)
    return True


def drop(connection: BaseDatabaseWrapper = default_connection) -> None:
    """Remove every trigger. What is written until `install` goes unrecorded, and everything is owed by it."""
    vendor = _vendor(connection)
    _execute(connection, vendor.drop([found.name for found in vendor.present(connection)]))


def tables_exist(connection: BaseDatabaseWrapper) -> bool:
    """Whether the engine's own tables are there."""
    return {RECORDS, TARGETS, DECLARATIONS} <= set(connection.introspection.table_names())


def without_triggers(connection: BaseDatabaseWrapper) -> dict[str, str]:
    """What is declared or watched and is there, but is no table that can carry a trigger; each with what it is."""
    tables = {trigger.table for trigger in _vendor(connection).triggers(connection).values()}
    return {name: what for name, what in _vendor(connection).other_relations(connection).items() if name in tables}


def waiting(connection: BaseDatabaseWrapper) -> set[str]:
    """The kinds whose tables are not all there: others' migrations are yet to come."""
    tables = set(connection.introspection.table_names())
    planned = _vendor(connection).triggers(connection)
    return {trigger.kind for trigger in planned.values() if trigger.table not in tables}


def _in_turn(connection: BaseDatabaseWrapper, work: Callable[[], T]) -> T:
    """Do this in a transaction in which no save waits for long. Raises `TriggersBusy`."""
    for _ in range(TRIES):
        try:
            with transaction.atomic(using=connection.alias):
                _execute(connection, _vendor(connection).in_turn(LOCK_MILLISECONDS))
                return work()
        except OperationalError as problem:
            if not is_contention(problem):
                raise
        time.sleep(PAUSE_SECONDS)  # those who queued up behind go first
    raise TriggersBusy(
        f"the tables are in use by open transactions: tried {TRIES} times to replace a trigger. Run migrate again."
    )


def _execute(connection: BaseDatabaseWrapper, statements: list[str]) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement, [])


def _look(connection: BaseDatabaseWrapper) -> Survey:
    vendor = _vendor(connection)
    # %% is an escape of the parameter style, which the database never sees.
    wanted = {name: text.replace("%%", "%") for name, text in vendor.texts(connection).items()}
    return survey(wanted, vendor.present(connection))


def _vendor(connection: BaseDatabaseWrapper) -> ModuleType:
    return postgresql if connection.vendor == "postgresql" else sqlite
