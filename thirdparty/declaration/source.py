"""A declaration's own table, as expressions of SQL."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.expressions import RawSQL

from thirdparty.declaration.lookups import Lookup
from thirdparty.declaration.synced import Synced


class Source:
    """The objects of one declaration in one database. Every ``alias`` is that of a row of their table.

    Triggers, the search for missing rows and backfills take the same expressions, so that they mean the same objects.
    """

    def __init__(self, declaration: Synced[Any], connection: BaseDatabaseWrapper) -> None:
        self.declaration = declaration
        self.connection = connection
        self.meta = (declaration.model._meta.concrete_model or declaration.model)._meta
        self._identity: models.Field[Any, Any] = declaration.identity_field()
        self._in_scope: dict[str, str] = {}

    def name(self, name: str) -> str:
        """A name of a table or column, quoted."""
        return self.connection.ops.quote_name(name)

    @property
    def table(self) -> str:
        return self.name(self.meta.db_table)

    @property
    def kind(self) -> str:
        """The declaration's kind, as a text."""
        return self.literal(self.declaration.kind)

    @property
    def pk(self) -> str:
        return self.name(str(self.meta.pk.column))

    @property
    def identity(self) -> str:
        return self.name(str(self._identity.column))

    def literal(self, value: object) -> str:
        """A value as it stands in a statement without parameters."""
        if self.connection.vendor == "postgresql" and isinstance(value, bool):
            return "true" if value else "false"
        editor = self.connection.SchemaEditorClass(self.connection, collect_sql=True)
        return str(editor.quote_value(value)).replace("%", "%%")

    def object_id(self, alias: str) -> str:
        """The identity as `Record.object_id` has it."""
        column = f"{alias}.{self.identity}"
        if isinstance(self._base(self._identity), models.UUIDField):
            return f"replace({column}::text, '-', '')" if self.connection.vendor == "postgresql" else column
        return f"CAST({column} AS text)"

    def is_object(self, alias: str, object_id: str) -> str:
        """Whether it is the object of this ``object_id``, an expression; the table's index on the identity serves."""
        return f"{alias}.{self.identity} = {self.typed(self._identity, object_id)}"

    def typed(self, field: models.Field[Any, Any], text: str) -> str:
        """A text, an expression, as a value of this field."""
        field = self._base(field)
        if self.connection.vendor == "postgresql" or isinstance(field, models.IntegerField):
            return f"CAST({text} AS {field.cast_db_type(self.connection)})"
        return text

    def after(self, alias: str, text: str) -> str:
        """Whether its primary key comes after this one."""
        return f"{alias}.{self.pk} > {self.typed(self.meta.pk, text)}"

    def natural_key(self, alias: str) -> str:
        """The natural key as `Record.wanted_key` has it."""
        if self.declaration.key is None:
            return "''"
        column = self.meta.get_field(self.declaration.key).column
        return f"COALESCE(CAST({alias}.{self.name(column)} AS text), '')"

    def in_scope(self, alias: str) -> str:
        """Whether targets are to know of it at all. What cannot be said means no."""
        if alias not in self._in_scope:  # each trigger asks for it several times
            self._in_scope[alias] = self._scope_of(alias)
        return self._in_scope[alias]

    def _scope_of(self, alias: str) -> str:
        if self.declaration.scope is None:
            return "true" if self.connection.vendor == "postgresql" else "1"
        lookups = [lookup for lookup in self.declaration.scope_lookups() if lookup.hops]
        return f"({self._plain_scope(alias) if not lookups else self._joined_scope(alias)}) IS TRUE"

    def own_columns(self) -> list[str]:
        """The columns of the own table whose change is owed: identity and primary key among them."""
        declaration = self.declaration
        columns = [self._identity.column, self.meta.pk.column]
        if declaration.key is not None:
            columns.append(self.meta.get_field(declaration.key).column)
        for lookup in declaration.lookups():
            columns += lookup.own
        return list(dict.fromkeys(columns))

    def lookups(self) -> list[Lookup]:
        """The lookups that lead to other tables."""
        return [lookup for lookup in self.declaration.lookups() if lookup.hops]

    def _plain_scope(self, alias: str) -> str:
        query = models.sql.Query(self.declaration.model, alias_cols=True)
        where = query.build_where(self.declaration.scope or models.Q())
        compiler = query.get_compiler(connection=self.connection)
        sql, parameters = compiler.compile(where)
        return self._filled(sql.replace(f"{self.table}.", f"{alias}."), parameters)

    def _joined_scope(self, alias: str) -> str:
        rows = self.declaration.model._base_manager.using(self.connection.alias)
        these = rows.filter(self.declaration.scope, pk=RawSQL("{row}", ())).values("pk")  # replaced below
        sql, parameters = these.query.get_compiler(connection=self.connection).as_sql()
        return f"EXISTS ({self._filled(sql.replace('({row})', f'{alias}.{self.pk}'), parameters)})"

    def _filled(self, sql: str, parameters: Any) -> str:
        # The statement is executed with parameters of its own, so that each per cent sign in it is doubled.
        plain = sql % tuple(self.literal(value).replace("%%", "%") for value in parameters)
        return plain.replace("%", "%%")

    @staticmethod
    def _base(field: models.Field[Any, Any]) -> models.Field[Any, Any]:
        """The field that a key to another table takes its type from."""
        while isinstance(field, models.ForeignKey):
            field = field.target_field
        return field
