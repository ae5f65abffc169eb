"""Which triggers one declaration needs, and what they do. The same for both databases, but for how they name changed rows."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from thirdparty.capture.triggers.intent import Intent
from thirdparty.declaration.lookups import Hop, Lookup, column_of

PREFIX = "thirdparty_"
_LONGEST_NAME = 63
_ODD = re.compile(r"[^A-Za-z0-9_]")
INSERT, UPDATE, DELETE, TRUNCATE = "insert", "update", "delete", "truncate"


class Rows(Protocol):
    """How a database names the rows that the running statement changed: a table expression with these columns.

    Of an update, those alone in which one of the columns has changed.
    """

    def new(self, event: str, columns: Sequence[str]) -> str: ...
    def old(self, event: str, columns: Sequence[str]) -> str: ...


@dataclass(slots=True)
class Trigger:
    """One trigger: on which table, at what, with which statements.

    ``columns``: those of an update that may matter. ``locks``: queries of rows to be locked first, so that who links to
    them at the same moment is seen, or sees this change. ``owners``: queries of the objects that the changed rows are
    read for, ``r``; ``owners_by_target``: the same with the one target that is concerned.
    """

    kind: str
    table: str
    event: str
    columns: list[str] = field(default_factory=list)
    locks: list[str] = field(default_factory=list)
    statements: list[str] = field(default_factory=list)
    owners: list[str] = field(default_factory=list)
    owners_by_target: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        return trigger_name(self.kind, self.table, self.event)

    def do(self, statement: str) -> None:
        if statement not in self.statements:
            self.statements.append(statement)


def trigger_name(kind: str, table: str, event: str) -> str:
    """What the trigger of this kind on this table is called, without quotes; PostgreSQL cuts longer names.

    A hash tells apart what is called the same without the characters that are left out.
    """
    plain = f"{PREFIX}{kind.replace('.', '_')}__{table}__{event}"
    name = _ODD.sub("_", plain)
    if name == plain and len(name) <= _LONGEST_NAME and "_" not in kind:
        return name
    mark = hashlib.sha256(f"{kind} {table}".encode()).hexdigest()[:8]
    return f"{name.removesuffix(event)[: _LONGEST_NAME - len(mark) - len(event) - 2]}_{mark}_{event}"


class Plan:
    """The triggers of one declaration. ``truncates``: whether tables can be truncated here."""

    def __init__(self, intent: Intent, rows: Rows, *, truncates: bool) -> None:
        self._intent = intent
        self._source = intent.source
        self._rows = rows
        self._truncates = truncates
        self._found: dict[tuple[str, str], Trigger] = {}

    def triggers(self) -> list[Trigger]:
        self._of_own_table()
        for lookup in self._source.lookups():
            for nth, hop in enumerate(lookup.hops):
                if hop.watched:
                    self._of_hop(lookup, nth)
        for trigger in self._found.values():
            trigger.locks += self._owner_locks(trigger)
            for statement in self._of_owners(trigger):
                trigger.do(statement)
        return list(self._found.values())

    def _at(self, table: str, event: str, columns: Sequence[str]) -> Trigger:
        kind = self._source.declaration.kind
        trigger = self._found.setdefault((table, event), Trigger(kind, table, event))
        trigger.columns += [column for column in columns if column not in trigger.columns]
        return trigger

    def _of_own_table(self) -> None:
        source, intent, rows = self._source, self._intent, self._rows
        columns, table = source.own_columns(), source.meta.db_table
        inside = source.in_scope("n")
        self._at(table, INSERT, columns).do(intent.wanted(rows.new(INSERT, columns), inside))
        updated = self._at(table, UPDATE, columns)
        there_still = f"EXISTS (SELECT 1 FROM {source.table} u WHERE u.{source.identity} = o.{source.identity})"
        updated.do(
            intent.gone(_identities(source.object_id("o"), f"{rows.old(UPDATE, columns)} o WHERE NOT {there_still}"))
        )
        updated.do(intent.wanted(rows.new(UPDATE, columns), inside, or_known=source.declaration.scope is not None))
        gone = _identities(source.object_id("o"), f"{rows.old(DELETE, columns)} o")
        self._at(table, DELETE, columns).do(intent.gone(gone))
        if self._truncates:
            self._at(table, TRUNCATE, columns).do(intent.gone())
        for lookup in source.lookups():
            link = list(dict.fromkeys([str(source.meta.pk.column), lookup.hops[0].near_column]))
            for event in (INSERT, UPDATE):
                self._at(table, event, columns).locks += self._locks_ahead(
                    lookup, -1, rows.new(event, link), names_anew=True
                )

    def _of_hop(self, lookup: Lookup, nth: int) -> None:
        hop, rows = lookup.hops[nth], self._rows
        field_name = self._source.declaration.target_fields().get(lookup.name)
        names_target = field_name is not None and nth == len(lookup.hops) - 1
        target = column_of(hop.model, field_name) if field_name and names_target else None
        columns = list(dict.fromkeys([hop.pk, hop.far_column, *hop.watched, *([target] if target else [])]))
        # A row that others refer to may come after them: foreign keys are checked at the end of a transaction, if at all.
        for event in (INSERT, UPDATE, DELETE):
            trigger = self._at(hop.table, event, columns)
            for side in (*((rows.new,) if event != DELETE else ()), *((rows.old,) if event != INSERT else ())):
                changed = side(event, columns)
                trigger.locks += self._locks(lookup, nth, changed, event)
                if side == rows.new:
                    trigger.locks += self._locks_ahead(lookup, nth, changed, names_anew=event == INSERT)
                joined = self._joined(lookup, nth, changed)
                if target is None:
                    trigger.owners.append(joined)
                else:
                    object_id = self._source.object_id("r")
                    named = (
                        f"SELECT {object_id} AS identity, h{nth}.{self._source.name(target)} AS target FROM {joined}"
                    )
                    trigger.owners_by_target.append(named)
        if self._truncates:
            trigger = self._at(hop.table, TRUNCATE, columns)
            if self._scope_leads_on():
                trigger.owners.append(f"{self._source.table} r")
            else:
                trigger.do(self._intent.changed())

    def _joined(self, lookup: Lookup, nth: int, changed: str) -> str:
        """The objects ``r`` that these changed rows, of the n-th table of the lookup, are read for."""
        joins = "".join(self._join(lookup, place, changed if place == nth else None) for place in range(nth + 1))
        return f"{self._source.table} r{joins}"

    def _join(self, lookup: Lookup, place: int, rows: str | None = None) -> str:
        source, hop = self._source, lookup.hops[place]
        return (
            f" JOIN {rows or source.name(hop.table)} h{place} "
            f"ON h{place}.{source.name(hop.far_column)} = {_near(place)}.{source.name(hop.near_column)}"
        )

    def _scope_leads_on(self) -> bool:
        """Whether it depends on other tables."""
        return any(lookup.hops for lookup in self._source.declaration.scope_lookups())

    def _of_owners(self, trigger: Trigger) -> Iterator[str]:
        # One statement for them all: an object that is found in two ways is owed once.
        source, intent, joined = self._source, self._intent, list(dict.fromkeys(trigger.owners))
        object_id = source.object_id("r")
        if trigger.owners_by_target:
            yield intent.changed_at(" UNION ".join(dict.fromkeys(trigger.owners_by_target)))
        if joined and not self._scope_leads_on():
            yield intent.changed(" UNION ".join(_identities(object_id, each) for each in joined))
        elif joined:
            # The change may bring an object into the scope, or out of it.
            identities = " UNION ".join(f"SELECT r.{source.identity} FROM {each}" for each in joined)
            outside = [_identities(object_id, f"{each} WHERE NOT ({source.in_scope('r')})") for each in joined]
            yield intent.wanted(source.table, f"n.{source.identity} IN ({identities}) AND {source.in_scope('n')}")
            yield intent.changed(" UNION ".join(outside))

    def _locks(self, lookup: Lookup, nth: int, changed: str, event: str) -> list[str]:
        """Who links up at the same moment is not seen from here, and does not see this change: nobody would owe it.

        They lock what they lead to (`_locks_ahead`), which waits for these locks, as these do for their end.
        """
        source, hop = self._source, lookup.hops[nth]
        if not hop.refers:
            pk = source.name(hop.pk)
            return (
                [_lock(source.name(hop.table), pk, pk, f"SELECT {pk} FROM {changed} AS c")] if event == UPDATE else []
            )
        if nth == 0:
            return []
        near: Hop = lookup.hops[nth - 1]
        far = source.name(hop.far_column)
        linked = f"SELECT {far} FROM {changed} AS c"
        return [_lock(source.name(near.table), source.name(hop.near_column), source.name(near.pk), linked)]

    def _locks_ahead(self, lookup: Lookup, nth: int, changed: str, *, names_anew: bool) -> Iterator[str]:
        """The rows that these, of the n-th table (-1: the own), lead to: whoever changes one waits, and sees these then.

        Who changes rows of many locks what they are rows of, so that these need no lock where the lookup ends. An object
        that is new has none of them. ``names_anew``: these rows have another foreign key than before, so that its check
        makes this lock at the end of the transaction; too late for the scope alone, which is looked at here.
        """
        source, joins = self._source, ""
        of_scope = lookup.name in {each.name for each in source.declaration.scope_lookups()}
        for place, hop in enumerate(lookup.hops[nth + 1 :], start=nth + 1):
            joins += self._join(lookup, place)
            if hop.refers and (place == len(lookup.hops) - 1 or place == 0):
                return
            if names_anew and place == nth + 1 and hop.checked and not of_scope:
                continue
            pk = source.name(hop.pk)
            these = f"SELECT h{place}.{pk} FROM {changed} {_near(nth + 1)}{joins}"
            yield _lock(source.name(hop.table), pk, pk, these, "KEY SHARE")

    def _owner_locks(self, trigger: Trigger) -> Iterator[str]:
        """Two changes at once may bring an object into the scope together, and neither alone: the second has to see both."""
        if trigger.owners and trigger.event != TRUNCATE and self._scope_leads_on():
            source = self._source
            owners = " UNION ".join(f"SELECT r.{source.pk} FROM {each}" for each in dict.fromkeys(trigger.owners))
            yield _lock(source.table, source.pk, source.pk, owners, "NO KEY UPDATE")


def _near(place: int) -> str:
    return f"h{place - 1}" if place else "r"


def _identities(object_id: str, rows: str) -> str:
    return f"SELECT {object_id} AS identity FROM {rows}"


def _lock(table: str, column: str, pk: str, rows: str, strength: str = "UPDATE") -> str:
    return f"1 FROM {table} WHERE {column} IN ({rows}) ORDER BY {pk} FOR {strength}"
