"""What the triggers do to the rows, whichever database runs them."""

from __future__ import annotations

from dataclasses import dataclass

from thirdparty.store.dialect import Dialect
from thirdparty.store.tables import RECORDS, TARGETS

SYNCED_COLUMNS = ("uuid", "username", "name", "phone", "email", "is_active", "is_superuser")
"""A change of any of these is owed to every target. Roles are watched in their own tables."""

USERS = "users_user"
MEMBERSHIP = "users_user_groups"
ROLES = "users_rolemapping"
GROUPS = "auth_group"
KIND = "users.user"


@dataclass(frozen=True, slots=True)
class Intent:
    """The three ways a row learns that something is owed. None touches a lease or ``unknown_until``."""

    dialect: Dialect

    def wanted(self, uuid: str, key: str, *, source: str = "", where: str) -> str:
        """The users of ``source`` (aliased as ``uuid`` names them) are to be held by every target but retired ones."""
        db = self.dialect
        tables = f"{source} CROSS JOIN {TARGETS} t" if source else f"{TARGETS} t"
        return (
            f"INSERT INTO {RECORDS} (key, target, kind, object_id, wanted_key, due_at, owed_since) "
            f"SELECT t.name || ':{KIND}:' || {db.hex(uuid)}, t.name, '{KIND}', {db.hex(uuid)}, {key}, {db.epoch}, {db.clock} "
            f"FROM {tables} WHERE NOT t.retired AND {where} ORDER BY 1 "
            f"ON CONFLICT (key) DO UPDATE SET deleted = {db.false}, wanted_key = excluded.wanted_key, {self._owe(f'{RECORDS}.')}"
        )

    def changed(self, where: str) -> str:
        """Rows that exist are owed again; none is created."""
        return f"UPDATE {RECORDS} SET {self._owe()} WHERE {self.dialect.in_order(RECORDS, where)}"

    def gone(self, where: str) -> str:
        """Rows become tombstones: their user is gone and a delete is owed."""
        db = self.dialect
        return f"UPDATE {RECORDS} SET deleted = {db.true}, {self._owe()} WHERE {db.in_order(RECORDS, where)}"

    def _owe(self, prefix: str = "") -> str:
        db = self.dialect
        return (
            f"generation = {prefix}generation + 1, owed_since = COALESCE({prefix}owed_since, {db.clock}), "
            f"due_at = {db.epoch}, parked = ''"
        )
