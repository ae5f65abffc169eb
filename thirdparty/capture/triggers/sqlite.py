"""Row triggers for SQLite, which knows no others.

Django rebuilds a table when it alters one, which drops its triggers without a word, or trips over
them: so they are dropped before a migration that alters a table they name, and installed after it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from django.db.backends.base.base import BaseDatabaseWrapper

from thirdparty.capture.triggers.intent import Intent
from thirdparty.capture.triggers.plan import PREFIX, UPDATE, Plan, Trigger
from thirdparty.capture.triggers.version import Found, mark
from thirdparty.declaration import declared
from thirdparty.declaration.source import Source
from thirdparty.store.dialect import SQLITE


class Row:
    """The one changed row, as a query of it."""

    def __init__(self, source: Source) -> None:
        self._name = source.name

    def new(self, event: str, columns: Sequence[str]) -> str:
        return self._row("NEW", event, columns)

    def old(self, event: str, columns: Sequence[str]) -> str:
        return self._row("OLD", event, columns)

    def _row(self, side: str, event: str, columns: Sequence[str]) -> str:
        listed = ", ".join(f"{side}.{self._name(column)} AS {self._name(column)}" for column in columns)
        return f"(SELECT {listed}{f' WHERE {_differs(self._name, columns)}' if event == UPDATE else ''})"


def _differs(name: Callable[[str], str], columns: Sequence[str]) -> str:
    # As they are, whatever the column's own collation says of upper and lower case.
    return " OR ".join(f"NEW.{name(column)} COLLATE BINARY IS NOT OLD.{name(column)}" for column in columns)


def triggers(connection: BaseDatabaseWrapper) -> dict[str, Trigger]:
    """Every trigger of this process's declarations, by name."""
    found: dict[str, Trigger] = {}
    for declaration in declared():
        source = Source(declaration, connection)
        plan = Plan(Intent(source, SQLITE), Row(source), truncates=False)
        found |= {trigger.name: trigger for trigger in plan.triggers()}
    return found


def texts(connection: BaseDatabaseWrapper) -> dict[str, str]:
    """The statement that creates each trigger, by name."""
    versions = {declaration.kind: declaration.version for declaration in declared()}
    return {name: _text(connection, trigger, versions[trigger.kind]) for name, trigger in triggers(connection).items()}


def _text(connection: BaseDatabaseWrapper, trigger: Trigger, version: int) -> str:
    quoted = connection.ops.quote_name
    when = f" WHEN {_differs(quoted, trigger.columns)}" if trigger.event == UPDATE else ""
    return (
        f'CREATE TRIGGER "{trigger.name}" AFTER {trigger.event.upper()} ON {quoted(trigger.table)}{when} '
        f"BEGIN {mark(trigger.kind, version)} {'; '.join(trigger.statements)}; END"
    )


def create(connection: BaseDatabaseWrapper, names: Sequence[str]) -> list[str]:
    """Put these triggers in place, or in the place of others: within a transaction, which nobody else sees half of."""
    planned = texts(connection)
    return [statement for name in names for statement in (*drop([name]), planned[name])]


def switch_on(_connection: BaseDatabaseWrapper, _name: str) -> list[str]:
    return []  # here none can be switched off


def in_turn(_milliseconds: int) -> list[str]:
    return []  # there is one writer at a time


def drop(names: Sequence[str]) -> list[str]:
    return [f'DROP TRIGGER IF EXISTS "{name}"' for name in names]


def present(connection: BaseDatabaseWrapper) -> list[Found]:
    """Our triggers, of whatever version."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND name LIKE '{PREFIX}%'")
        return [Found(*row) for row in cursor.fetchall()]


def other_relations(connection: BaseDatabaseWrapper) -> dict[str, str]:
    """What is called like a table, and carries no triggers."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, type FROM sqlite_master WHERE type = 'view'")
        return dict(cursor.fetchall())
