"""Row triggers for SQLite, which knows no others.

Django rebuilds a table when it alters one, which drops its triggers without a word, or trips over
them: so they are dropped before a migration and installed after it.
"""

from __future__ import annotations

from django.db.backends.base.base import BaseDatabaseWrapper

from users.sync.triggers.sql import MEMBERSHIP, ROLES, SYNCED_COLUMNS, USERS, Intent


def _triggers(intent: Intent) -> dict[str, tuple[str, list[str]]]:
    """Each trigger's event (with its condition) and statements, by name."""
    differs = " OR ".join(f"NEW.{column} IS NOT OLD.{column}" for column in SYNCED_COLUMNS)
    return {
        "usersync_user_insert": (
            f"INSERT ON {USERS}",
            [intent.wanted("NEW.uuid", where="NOT NEW.is_superuser")],
        ),
        "usersync_user_update": (
            f"UPDATE ON {USERS} WHEN {differs}",
            [
                intent.gone("user_uuid = OLD.uuid AND NEW.uuid <> OLD.uuid"),
                intent.changed("user_uuid = NEW.uuid AND NEW.is_superuser"),
                intent.wanted("NEW.uuid", where="NOT NEW.is_superuser"),
            ],
        ),
        "usersync_user_delete": (f"DELETE ON {USERS}", [intent.gone("user_uuid = OLD.uuid")]),
        "usersync_membership_insert": (f"INSERT ON {MEMBERSHIP}", [intent.changed(_member("NEW"))]),
        "usersync_membership_update": (
            f"UPDATE ON {MEMBERSHIP}",
            [intent.changed(f"({_member('OLD')}) OR ({_member('NEW')})")],
        ),
        "usersync_membership_delete": (f"DELETE ON {MEMBERSHIP}", [intent.changed(_member("OLD"))]),
        "usersync_role_insert": (f"INSERT ON {ROLES}", [intent.changed(_role_members("NEW"))]),
        "usersync_role_update": (
            (
                f"UPDATE ON {ROLES} WHEN NEW.group_id <> OLD.group_id OR NEW.target <> OLD.target "
                "OR NEW.remote_role_id <> OLD.remote_role_id"
            ),
            [intent.changed(f"({_role_members('OLD')}) OR ({_role_members('NEW')})")],
        ),
        "usersync_role_delete": (f"DELETE ON {ROLES}", [intent.changed(_role_members("OLD"))]),
    }


def _member(side: str) -> str:
    return f"user_uuid = (SELECT u.uuid FROM {USERS} u WHERE u.id = {side}.user_id)"


def _role_members(side: str) -> str:
    return (
        f"target = {side}.target AND user_uuid IN (SELECT u.uuid FROM {USERS} u "
        f"JOIN {MEMBERSHIP} m ON m.user_id = u.id WHERE m.group_id = {side}.group_id)"
    )


def _statements(intent: Intent) -> dict[str, str]:
    return {
        name: f"CREATE TRIGGER {name} AFTER {event} BEGIN {'; '.join(body)}; END"
        for name, (event, body) in _triggers(intent).items()
    }


def create(_connection: BaseDatabaseWrapper, intent: Intent) -> list[str]:
    return list(_statements(intent).values())


def drop(intent: Intent) -> list[str]:
    return [f"DROP TRIGGER IF EXISTS {name}" for name in _triggers(intent)]


def missing(connection: BaseDatabaseWrapper, intent: Intent) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
        present = dict(cursor.fetchall())
    # %% is an escape of the parameter style, which the database never sees.
    return [name for name, sql in _statements(intent).items() if present.get(name) != sql.replace("%%", "%")]
