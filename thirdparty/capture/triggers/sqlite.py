"""Row triggers for SQLite, which knows no others.

Django rebuilds a table when it alters one, which drops its triggers without a word, or trips over
them: so they are dropped before a migration that alters a table they name, and installed after it.
"""

from __future__ import annotations

from django.db.backends.base.base import BaseDatabaseWrapper

from thirdparty.capture.triggers.sql import KIND, MEMBERSHIP, ROLES, SYNCED_COLUMNS, USERS, Intent
from thirdparty.capture.triggers.version import MARK, Found, Survey, survey

_OURS = f"kind = '{KIND}'"


def _triggers(intent: Intent) -> dict[str, tuple[str, list[str]]]:
    """Each trigger's event (with its condition) and statements, by name."""
    # The id, which no target is told, too: memberships go by it.
    differs = " OR ".join(f"NEW.{column} IS NOT OLD.{column}" for column in ("id", *SYNCED_COLUMNS))
    return {
        "usersync_user_insert": (
            f"INSERT ON {USERS}",
            [intent.wanted("NEW.uuid", "NEW.username", where="NOT NEW.is_superuser")],
        ),
        "usersync_user_update": (
            f"UPDATE ON {USERS} WHEN {differs}",
            [
                intent.gone(
                    f"{_OURS} AND object_id = OLD.uuid AND NOT EXISTS (SELECT 1 FROM {USERS} u WHERE u.uuid = OLD.uuid)"
                ),
                intent.changed(f"{_OURS} AND object_id = NEW.uuid AND NEW.is_superuser"),
                intent.wanted("NEW.uuid", "NEW.username", where="NOT NEW.is_superuser"),
            ],
        ),
        "usersync_user_delete": (f"DELETE ON {USERS}", [intent.gone(f"{_OURS} AND object_id = OLD.uuid")]),
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
    return f"{_OURS} AND object_id = (SELECT u.uuid FROM {USERS} u WHERE u.id = {side}.user_id)"


def _role_members(side: str) -> str:
    return (
        f"{_OURS} AND target = {side}.target AND object_id IN (SELECT u.uuid FROM {USERS} u "
        f"JOIN {MEMBERSHIP} m ON m.user_id = u.id WHERE m.group_id = {side}.group_id)"
    )


def texts(intent: Intent) -> dict[str, str]:
    """The statement that creates each trigger, by name."""
    return {
        name: f"CREATE TRIGGER {name} AFTER {event} BEGIN {MARK} {'; '.join(body)}; END"
        for name, (event, body) in _triggers(intent).items()
    }


def create(_connection: BaseDatabaseWrapper, intent: Intent, name: str) -> list[str]:
    """Put one trigger in place, or another in its place: within a transaction, which nobody else sees half of."""
    return [f"DROP TRIGGER IF EXISTS {name}", texts(intent)[name]]


def switch_on(_name: str) -> list[str]:
    return []  # here none can be switched off


def in_turn(_milliseconds: int) -> list[str]:
    return []  # there is one writer at a time


def drop(intent: Intent) -> list[str]:
    return [f"DROP TRIGGER IF EXISTS {name}" for name in _triggers(intent)]


def present(connection: BaseDatabaseWrapper) -> list[Found]:
    """Our triggers, of whatever version."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'usersync_%'")
        return [Found(*row) for row in cursor.fetchall()]


def look(connection: BaseDatabaseWrapper, intent: Intent) -> Survey:
    # %% is an escape of the parameter style, which the database never sees.
    wanted = {name: text.replace("%%", "%") for name, text in texts(intent).items()}
    return survey(wanted, present(connection))
