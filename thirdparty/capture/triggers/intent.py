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

    def wanted(self, rows: str, where: str, *, or_known: bool = False) -> str:
        """These rows of the declared table, ``n``, are to be held by every target of theirs but retired ones.

        ``or_known``: with the others among them that have a record, at whatever target: they have left, and want no natural key.
        """
        db, source = self.dialect, self.source
        object_id, key = source.object_id("n"), source.natural_key("n")
        of_theirs = f"{where} {self._of_theirs('t.name')}"
        if or_known:
            key = f"CASE WHEN {where} THEN {key} ELSE '' END"
            of_theirs = f"({of_theirs} OR {self._has_record('n')})"
        return (
            f"INSERT INTO {RECORDS} (key, target, kind, object_id, wanted_key, due_at, owed_since, caused_by) "
            f"SELECT t.name || ':' || {source.kind} || ':' || {object_id}, t.name, {source.kind}, {object_id}, "
            f"{key}, {db.epoch}, {db.clock}, {db.cause} "
            f"FROM {rows} n CROSS JOIN {TARGETS} t WHERE NOT t.retired AND {of_theirs} ORDER BY 1 "
            f"ON CONFLICT (key) DO UPDATE SET deleted = {db.false}, wanted_key = excluded.wanted_key, "
            f"{self._owe(f'{RECORDS}.')}"
        )

    def _has_record(self, row: str) -> str:
        """Whether the object of this row of the declared table has a record at the target ``t``."""
        key = f"t.name || ':' || {self.source.kind} || ':' || {self.source.object_id(row)}"
        return f"EXISTS (SELECT 1 FROM {RECORDS} e WHERE e.key = {key})"

    def changed(self, objects: str | None = None) -> str:
        """Rows that exist are owed again; none is created.

        ``objects``: a query of their identities, ``identity``; None for all of the kind that are wanted.
        """
        return f"UPDATE {RECORDS} SET {self._owe()} WHERE {self._of(objects)}"

    def changed_at(self, objects: str) -> str:
        """The same of these objects at one target each: a query of ``identity`` and ``target``."""
        return f"UPDATE {RECORDS} SET {self._owe()} WHERE {self._keyed('x.target', f'({objects}) x')}"

    def gone(self, objects: str | None = None) -> str:
        """Rows become tombstones: their object is gone and a delete is owed. ``objects``: as above."""
        return f"UPDATE {RECORDS} SET deleted = {self.dialect.true}, {self._owe()} WHERE {self._of(objects)}"

    def _of(self, objects: str | None) -> str:
        if objects is None:
            return self.dialect.in_order(RECORDS, f"kind = {self.source.kind} AND NOT deleted")
        return self._keyed("t.name", f"({objects}) x CROSS JOIN {TARGETS} t")

    def _keyed(self, target: str, rows: str) -> str:
        # By their keys, which every record is found by: an index of objects would cost each push a write more.
        keys = f"SELECT {target} || ':' || {self.source.kind} || ':' || x.identity FROM {rows}"
        return self.dialect.in_order(RECORDS, f"key IN ({keys})")

    def _of_theirs(self, name: str) -> str:
        names = self.source.declaration.targets
        return "" if names is None else f"AND {name} IN ({', '.join(map(self.source.literal, names))})"

    def _owe(self, prefix: str = "") -> str:
        db = self.dialect
        return (
            f"generation = {prefix}generation + 1, owed_since = COALESCE({prefix}owed_since, {db.clock}), "
            f"due_at = {db.epoch}, parked = '', caused_by = {db.cause}"
        )
