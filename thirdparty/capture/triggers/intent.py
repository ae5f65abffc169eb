"""What the triggers do to the records of one declaration, whichever database runs them."""

from __future__ import annotations

from dataclasses import dataclass

from thirdparty.declaration.source import Source
from thirdparty.store.dialect import Dialect
from thirdparty.store.tables import RECORDS, TARGETS


@dataclass(frozen=True, slots=True)
class Intent:
    """The three ways a row learns that something is owed. None touches a lease or ``unknown_until``."""

    source: Source
    dialect: Dialect

    def wanted(self, rows: str, where: str) -> str:
        """These rows of the declared table, ``n``, are to be held by every target of theirs but retired ones."""
        db, source = self.dialect, self.source
        object_id = source.object_id("n")
        return (
            f"INSERT INTO {RECORDS} (key, target, kind, object_id, wanted_key, due_at, owed_since, caused_by) "
            f"SELECT t.name || ':' || {source.kind} || ':' || {object_id}, t.name, {source.kind}, {object_id}, "
            f"{source.natural_key('n')}, {db.epoch}, {db.clock}, {db.cause} "
            f"FROM {rows} n CROSS JOIN {TARGETS} t WHERE NOT t.retired {self._of_theirs('t.name')} AND {where} ORDER BY 1 "
            f"ON CONFLICT (key) DO UPDATE SET deleted = {db.false}, wanted_key = excluded.wanted_key, "
            f"{self._owe(f'{RECORDS}.')}"
        )

    def changed(self, where: str = "NOT deleted") -> str:
        """Rows that exist are owed again; none is created."""
        return f"UPDATE {RECORDS} SET {self._owe()} WHERE {self._ours(where)}"

    def gone(self, where: str = "NOT deleted") -> str:
        """Rows become tombstones: their object is gone and a delete is owed."""
        return f"UPDATE {RECORDS} SET deleted = {self.dialect.true}, {self._owe()} WHERE {self._ours(where)}"

    def _ours(self, where: str) -> str:
        return self.dialect.in_order(RECORDS, f"kind = {self.source.kind} AND {where}")

    def _of_theirs(self, name: str) -> str:
        names = self.source.declaration.targets
        return "" if names is None else f"AND {name} IN ({', '.join(map(self.source.literal, names))})"

    def _owe(self, prefix: str = "") -> str:
        db = self.dialect
        return (
            f"generation = {prefix}generation + 1, owed_since = COALESCE({prefix}owed_since, {db.clock}), "
            f"due_at = {db.epoch}, parked = '', caused_by = {db.cause}"
        )
