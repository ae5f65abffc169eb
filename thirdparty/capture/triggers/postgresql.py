"""Statement-level triggers for PostgreSQL: a bulk write costs one more statement, not one per row.

The functions run as their owner with a fixed ``search_path``, so a role that may write users
need not be able to write sync rows. There is no ``UPDATE OF`` list: it would block later ALTERs.
"""

from __future__ import annotations

from django.db.backends.base.base import BaseDatabaseWrapper

from thirdparty.capture.triggers.sql import GROUPS, KIND, MEMBERSHIP, ROLES, SYNCED_COLUMNS, USERS, Intent
from thirdparty.capture.triggers.version import MARK, Found, Survey, survey
from thirdparty.store.dialect import POSTGRESQL
from thirdparty.store.tables import RECORDS

_TRANSITIONS = {
    "insert": "REFERENCING NEW TABLE AS new_rows",
    "update": "REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows",
    "delete": "REFERENCING OLD TABLE AS old_rows",
    "truncate": "",
}
_OURS = f"kind = '{KIND}'"
_TABLES = {"user": USERS, "membership": MEMBERSHIP, "role": ROLES}


def bodies(intent: Intent) -> dict[tuple[str, str], list[str]]:
    """The statements of each trigger, by (table, event)."""
    # The id, which no target is told, too: memberships go by it.
    old, new = (", ".join(f"{side}.{column}" for column in ("id", *SYNCED_COLUMNS)) for side in ("o", "n"))
    differs = f"({old}) IS DISTINCT FROM ({new})"
    # By the uuid, for that is who somebody is; one statement may change the id as well.
    pairs = "new_rows n LEFT JOIN old_rows o ON o.uuid = n.uuid"
    return {
        ("user", "insert"): [intent.wanted("n.uuid", "n.username", source="new_rows n", where="NOT n.is_superuser")],
        ("user", "update"): [
            intent.gone(f"{_OURS} AND object_id IN (SELECT {_hex('uuid')} FROM old_rows EXCEPT SELECT {_hex('uuid')} FROM new_rows)"),
            intent.changed(f"{_OURS} AND object_id IN (SELECT {_hex('n.uuid')} FROM {pairs} WHERE n.is_superuser AND {differs})"),
            intent.wanted("n.uuid", "n.username", source=f"({pairs})", where=f"NOT n.is_superuser AND {differs}"),
        ],
        ("user", "delete"): [intent.gone(f"{_OURS} AND object_id IN (SELECT {_hex('uuid')} FROM old_rows)")],
        ("user", "truncate"): [intent.gone(f"{_OURS} AND NOT deleted")],
        ("membership", "insert"): [intent.changed(_members("SELECT user_id FROM new_rows"))],
        ("membership", "update"): [
            intent.changed(_members("SELECT user_id FROM new_rows UNION SELECT user_id FROM old_rows"))
        ],
        ("membership", "delete"): [intent.changed(_members("SELECT user_id FROM old_rows"))],
        ("membership", "truncate"): [intent.changed(f"{_OURS} AND NOT deleted")],
        ("role", "insert"): [_joins_wait("new_rows"), intent.changed(_role_members("SELECT * FROM new_rows"))],
        ("role", "update"): [
            _joins_wait("new_rows"),
            _joins_wait("old_rows"),
            intent.changed(
                _role_members("(SELECT * FROM new_rows EXCEPT SELECT * FROM old_rows) UNION "
                              "(SELECT * FROM old_rows EXCEPT SELECT * FROM new_rows)")
            )
        ],
        ("role", "delete"): [_joins_wait("old_rows"), intent.changed(_role_members("SELECT * FROM old_rows"))],
        ("role", "truncate"): [intent.changed(f"{_OURS} AND NOT deleted")],
    }  # fmt: skip


def _hex(uuid: str) -> str:
    return POSTGRESQL.hex(uuid)


def _members(user_ids: str) -> str:
    return f"{_OURS} AND object_id IN (SELECT {_hex('u.uuid')} FROM {USERS} u WHERE u.id IN ({user_ids}))"


def _role_members(mappings: str) -> str:
    return (
        f"key IN (SELECT s.key FROM {RECORDS} s JOIN {USERS} u ON s.kind = '{KIND}' AND s.object_id = {_hex('u.uuid')} "
        f"JOIN {MEMBERSHIP} m ON m.user_id = u.id JOIN ({mappings}) r "
        "ON r.group_id = m.group_id AND r.target = s.target)"
    )


def _joins_wait(mappings: str) -> str:
    # Who joins a group at the same moment is not seen as a member here, and does not see this change there: then nobody
    # would owe it. The check of the membership's foreign key, at its commit, waits for this lock, and the other way round.
    return f"PERFORM 1 FROM {GROUPS} WHERE id IN (SELECT group_id FROM {mappings}) ORDER BY id FOR UPDATE"


def _body(statements: list[str]) -> str:
    return f"BEGIN {MARK} " + " ".join(f"{statement};" for statement in statements) + " RETURN NULL; END"


def _name(table: str, event: str) -> str:
    return f"usersync_{table}_{event}"


def texts(intent: Intent) -> dict[str, str]:
    """The body of each trigger's function, by name."""
    return {_name(table, event): _body(body) for (table, event), body in bodies(intent).items()}


def create(connection: BaseDatabaseWrapper, intent: Intent, name: str) -> list[str]:
    """Put one trigger in place, switched on, or another in its place: there is no moment without one.

    Needs PostgreSQL 14, as Django does.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT quote_ident(current_schema())")
        (schema,) = cursor.fetchone()
    _, table, event = name.split("_")
    return [
        (
            f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER "
            f"SET search_path = {schema.replace('%', '%%')}, pg_temp AS $body${texts(intent)[name]}$body$"
        ),
        (
            f"CREATE OR REPLACE TRIGGER {name} AFTER {event.upper()} ON {_TABLES[table]} {_TRANSITIONS[event]} "
            f"FOR EACH STATEMENT EXECUTE FUNCTION {name}()"
        ),
    ]


def switch_on(name: str) -> list[str]:
    _, table, _ = name.split("_")
    return [f"ALTER TABLE {_TABLES[table]} ENABLE TRIGGER {name}"]


def in_turn(milliseconds: int) -> list[str]:
    """To begin with, in a transaction that creates triggers: one at a time, and no save waits behind it for longer."""
    return [
        f"SET LOCAL lock_timeout = '{milliseconds}ms'",
        "SELECT pg_advisory_xact_lock(hashtext('usersync triggers'))",
    ]


def drop(intent: Intent) -> list[str]:
    return [f"DROP FUNCTION IF EXISTS {_name(table, event)}() CASCADE" for table, event in bodies(intent)]


def look(connection: BaseDatabaseWrapper, intent: Intent) -> Survey:
    """What is in place. A trigger for replicas only fires for nobody else, nor do others where a replica is played."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT t.tgname, p.prosrc, t.tgenabled = 'A' "
            "OR t.tgenabled = 'O' AND current_setting('session_replication_role') <> 'replica' FROM pg_trigger t "
            "JOIN pg_proc p ON p.oid = t.tgfoid JOIN pg_class c ON c.oid = t.tgrelid "
            "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = current_schema() "
            "AND t.tgname LIKE 'usersync\\_%%' AND c.relname = CASE split_part(t.tgname, '_', 2) "
            f"WHEN 'user' THEN '{USERS}' WHEN 'membership' THEN '{MEMBERSHIP}' WHEN 'role' THEN '{ROLES}' END",
            [],
        )
        return survey(texts(intent), [Found(*row) for row in cursor.fetchall()])
