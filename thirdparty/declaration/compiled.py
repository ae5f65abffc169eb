"""A query that is made again and again, for other rows each time: Django compiles it once."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.db import connections, models
from django.db.models.sql.compiler import SQLCompiler

M = TypeVar("M", bound=models.Model)


@dataclass(frozen=True, slots=True)
class _Slot:
    """Where the value of this number belongs among the parameters."""

    number: int


class _Among(models.Func):
    """Whether the expression is one of so many values, which are told later."""

    conditional = True
    output_field = models.BooleanField()

    def __init__(self, expression: models.F, count: int) -> None:
        super().__init__(expression)
        self.count = count

    def as_sql(self, compiler: SQLCompiler, *_: Any, **__: Any) -> tuple[str, list[Any]]:  # type: ignore[override]
        sql, parameters = compiler.compile(self.source_expressions[0])
        marks = ", ".join(["%s"] * self.count)
        return f"{sql} IN ({marks})", [*parameters, *map(_Slot, range(self.count))]


@dataclass(frozen=True, slots=True)
class _Compiled:
    compiler: SQLCompiler
    sql: str
    parameters: tuple[Any, ...]


class Compiled(Generic[M]):
    """These rows, those of them whose ``field`` has one of some values.

    To make the query is most of what a small read costs, and the same each time; Django offers no way to keep it. It is kept for
    numbers of values that are powers of two, so that there are few of them.
    """

    def __init__(self, rows: models.QuerySet[M], field: models.Field[Any, Any]) -> None:
        self._rows = rows
        self._field = field
        self._of_size: dict[int, _Compiled] = {}

    def among(self, values: Sequence[Any]) -> list[M]:
        """The rows, in no order. As many statements for many as for one."""
        if not values:
            return []
        size = 1 << (len(values) - 1).bit_length()
        compiled = self._of_size.get(size) or self._of_size.setdefault(size, self._compile(size))
        connection = connections[self._rows.db]
        known = [self._field.get_db_prep_value(value, connection) for value in values]
        known += known[-1:] * (size - len(known))
        parameters = tuple(known[each.number] if isinstance(each, _Slot) else each for each in compiled.parameters)
        compiler = copy(compiled.compiler)
        # The compiler of another thread has that thread's connection.
        compiler.connection = connection
        compiler.as_sql = lambda *_, **__: (compiled.sql, parameters)  # type: ignore[method-assign]
        rows = self._rows.all()
        rows.query.get_compiler = lambda *_, **__: compiler  # type: ignore[method-assign]
        return list(rows)

    def _compile(self, size: int) -> _Compiled:
        rows = self._rows.filter(_Among(models.F(self._field.attname), size))
        compiler = rows.query.get_compiler(using=rows.db)
        sql, parameters = compiler.as_sql()
        return _Compiled(compiler, sql, tuple(parameters))
