"""Statement-level triggers for PostgreSQL: a bulk write costs one more statement, not one per row.

The functions run as their owner with a fixed ``search_path``, so a role that may write the declared tables
need not be able to write records. There is no ``UPDATE OF`` list: it would block later ALTERs.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db.backends.base.base import BaseDatabaseWrapper

from thirdparty.capture.triggers.intent import Intent
from thirdparty.capture.triggers.plan import PREFIX, UPDATE, Plan, Trigger
from thirdparty.capture.triggers.version import Found, mark
from thirdparty.declaration import declared
from thirdparty.declaration.source import Source
from thirdparty.store.dialect import POSTGRESQL

_TRANSITIONS = {
    "insert": "REFERENCING NEW TABLE AS new_rows",
    "update": "REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows",
    "delete": "REFERENCING OLD TABLE AS old_rows",
    "truncate": "",
}


class Transition:
    """The changed rows of a statement are tables."""

    def __init__(self, source: Source) -> None:
        self._name = source.name
        models = {source.declaration.model, *(hop.model for lookup in source.lookups() for hop in lookup.hops)}
        self._folding = {
            field.column for model in models for field in model._meta.concrete_fields
            if getattr(field, "db_collation", None) or field.db_type(source.connection) == "citext"
        }  # fmt: skip
        """Columns in which texts that differ may count as equal, as in upper and lower case."""

    def new(self, event: str, columns: Sequence[str]) -> str:
        return self._but("new_rows", "old_rows", columns) if event == UPDATE else "new_rows"

    def old(self, event: str, columns: Sequence[str]) -> str:
        return self._but("old_rows", "new_rows", columns) if event == UPDATE else "old_rows"

    def _but(self, these: str, those: str, columns: Sequence[str]) -> str:
        listed = ", ".join(map(self._name, columns))
        folding = [column for column in columns if column in self._folding]
        exact = "".join(f', {self._name(column)}::text COLLATE "C" AS exact_{n}' for n, column in enumerate(folding))
        differing = f"SELECT {listed}{exact} FROM {these} EXCEPT SELECT {listed}{exact} FROM {those}"
        return f"(SELECT {listed} FROM ({differing}) AS differing)" if exact else f"({differing})"


def triggers(connection: BaseDatabaseWrapper) -> dict[str, Trigger]:
    """Every trigger of this process's declarations, by name."""
    found: dict[str, Trigger] = {}
    for declaration in declared():
        source = Source(declaration, connection)
        plan = Plan(Intent(source, POSTGRESQL), Transition(source), truncates=True)
        found |= {trigger.name: trigger for trigger in plan.triggers()}
    return found


def texts(connection: BaseDatabaseWrapper) -> dict[str, str]:
    """The body of each trigger's function, by name."""
    return _bodies(triggers(connection))


def _bodies(these: dict[str, Trigger]) -> dict[str, str]:
    versions = {declaration.kind: declaration.version for declaration in declared()}
    return {name: _body(mark(trigger.kind, versions[trigger.kind]), trigger) for name, trigger in these.items()}


def _body(marked: str, trigger: Trigger) -> str:
    locks = [f"PERFORM {lock};" for lock in dict.fromkeys(trigger.locks)]
    statements = [f"{statement};" for statement in trigger.statements]
    return " ".join(["BEGIN", marked, *locks, *statements, "RETURN NULL; END"])


def create(connection: BaseDatabaseWrapper, names: Sequence[str]) -> list[str]:
    """Put these triggers in place, switched on, or in the place of others: there is no moment without one.

    Needs PostgreSQL 14, as Django does.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT quote_ident(current_schema())")
        (schema,) = cursor.fetchone()
    planned = triggers(connection)
    bodies = _bodies(planned)
    return [
        statement
        for name in names
        for statement in _creating(connection, planned[name], bodies[name], schema.replace("%", "%%"))
    ]


def _creating(connection: BaseDatabaseWrapper, trigger: Trigger, body: str, schema: str) -> list[str]:
    name, tag = trigger.name, "body"
    while f"${tag}$" in body:
        tag += "_"
    table = connection.ops.quote_name(trigger.table)
    return [
        (
            f'CREATE OR REPLACE FUNCTION "{name}"() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER '
            f"SET search_path = {schema}, pg_temp AS ${tag}${body}${tag}$"
        ),
        (
            f'CREATE OR REPLACE TRIGGER "{name}" AFTER {trigger.event.upper()} ON {table} {_TRANSITIONS[trigger.event]} '
            f'FOR EACH STATEMENT EXECUTE FUNCTION "{name}"()'
        ),
    ]


def switch_on(connection: BaseDatabaseWrapper, name: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT quote_ident(c.relname) FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid "
                       "JOIN pg_namespace n ON n.oid = c.relnamespace "
                       "WHERE n.nspname = current_schema() AND t.tgname = %s", [name])  # fmt: skip
        return [f'ALTER TABLE {table} ENABLE TRIGGER "{name}"' for (table,) in cursor.fetchall()]


def in_turn(milliseconds: int) -> list[str]:
    """To begin with, in a transaction that creates triggers: one at a time, and no save waits behind it for longer."""
    return [
        f"SET LOCAL lock_timeout = '{milliseconds}ms'",
        "SELECT pg_advisory_xact_lock(hashtext('thirdparty triggers'))",
    ]


def drop(names: Sequence[str]) -> list[str]:
    return [f'DROP FUNCTION IF EXISTS "{name}"() CASCADE' for name in names]


def present(connection: BaseDatabaseWrapper) -> list[Found]:
    """Our triggers, of whatever version, each on the table that it is meant for.

    One for replicas only fires for nobody else, nor do others where a replica is played.
    """
    wanted = triggers(connection)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT t.tgname, c.relname, p.prosrc, t.tgenabled = 'A' "
            "OR t.tgenabled = 'O' AND current_setting('session_replication_role') <> 'replica' FROM pg_trigger t "
            "JOIN pg_proc p ON p.oid = t.tgfoid JOIN pg_class c ON c.oid = t.tgrelid "
            "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = current_schema() AND t.tgname LIKE %s",
            [PREFIX.replace("_", "\\_") + "%"],
        )
        rows = cursor.fetchall()
    return [
        Found(name, text, fires)
        for name, table, text, fires in rows
        if name not in wanted or wanted[name].table == table
    ]


def other_relations(connection: BaseDatabaseWrapper) -> dict[str, str]:
    """What is called like a table, and carries no triggers; writes to a partition go past those of the whole."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname, CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' "
            "WHEN 'p' THEN 'partitioned table' ELSE 'foreign table' END "
            "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE n.nspname = current_schema() AND c.relkind IN ('v', 'm', 'f', 'p')"
        )
        return dict(cursor.fetchall())
