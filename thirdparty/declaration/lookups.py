"""From a lookup, as ``customer__email`` or ``lines``, to the tables that it leads through."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from django.core.exceptions import FieldDoesNotExist, ImproperlyConfigured
from django.db import models
from django.db.models import Q

Field = Any
"""A field of a model's ``_meta``: a column, a relation, or the other side of one."""


@dataclass(frozen=True, slots=True)
class Hop:
    """One table further. Its rows belong to the near ones where ``far_column`` equals their ``near_column``.

    ``refers``: the far row names the near one (a row of many, a membership), not the other way round.
    ``watched``: the columns of this table in which a change matters. ``checked``: the database holds the near row to
    naming one that is there.
    """

    model: type[models.Model]
    near_column: str
    far_column: str
    refers: bool
    watched: tuple[str, ...] = ()
    checked: bool = True

    @property
    def table(self) -> str:
        return self.model._meta.db_table

    @property
    def pk(self) -> str:
        return str(self.model._meta.pk.column)


@dataclass(frozen=True, slots=True)
class Lookup:
    """Where one lookup leads. ``own``: the columns of the model's own table that it goes through."""

    name: str
    own: tuple[str, ...] = ()
    hops: tuple[Hop, ...] = ()


@dataclass(frozen=True, slots=True)
class PerTarget:
    """A lookup whose last rows are each of one target, which the column of ``field`` names: others are owed nothing."""

    lookup: str
    field: str


@dataclass(slots=True)
class _Walk:
    """A lookup as far as it has been followed."""

    model: type[models.Model]
    own: list[str] = field(default_factory=list)
    hops: list[Hop] = field(default_factory=list)

    def watch(self, *columns: str) -> None:
        if self.hops:
            last = self.hops[-1]
            self.hops[-1] = replace(last, watched=tuple(dict.fromkeys((*last.watched, *columns))))
        else:
            self.own += [column for column in columns if column not in self.own]

    def go(self, model: type[models.Model], near: str, far: str, *, refers: bool, checked: bool = True) -> None:
        self.model = _concrete(model)
        self.hops.append(Hop(self.model, near, far, refers, (far,) if refers else (), checked))


def resolved(model: type[models.Model], name: str, *, suffix: bool = False) -> Lookup:
    """Where this lookup leads from this model.

    ``suffix``: it may end in what is no field, as ``__in``. Raises `ImproperlyConfigured`, naming the part at fault.
    """
    walk = _Walk(_concrete(model))
    parts = name.split("__")
    for nth, part in enumerate(parts):
        last = nth == len(parts) - 1
        found = _field(walk.model, part)
        if found is None:
            if suffix and nth:
                break
            raise ImproperlyConfigured(f"{walk.model._meta.label} has no field {part!r} (in {name!r})")
        _step(walk, found, last=last, name=name)
        if not found.is_relation and not last:
            if suffix:
                break
            raise ImproperlyConfigured(
                f"{walk.model._meta.label}.{part} is no relation, and {name!r} goes on behind it"
            )
    return Lookup(name, tuple(walk.own), tuple(walk.hops))


def relations_of(model: type[models.Model], name: str) -> tuple[str, bool]:
    """The relations of a lookup, to be read along with the object; and whether each leads to one row at most.

    Named as Django wants them: for `select_related` where each is single, else for `prefetch_related`.
    """
    at, names, accessors, single = model, list[str](), list[str](), True
    for part in name.split("__"):
        found = _field(at, part)
        if found is None or not found.is_relation:
            break
        names.append(part)
        accessors.append(found.name if found.concrete else found.get_accessor_name())
        single = single and not (found.many_to_many or found.one_to_many)
        at = found.related_model
    return "__".join(names if single else accessors), single


def lookups_of(condition: Q) -> Iterator[str]:
    """The lookups of a condition, with whatever they end in. Raises `ImproperlyConfigured` for what is no plain one."""
    for child in condition.children:
        if isinstance(child, Q):
            yield from lookups_of(child)
        elif isinstance(child, tuple):
            name, value = child
            if any(map(_is_expression, value if isinstance(value, list | tuple | set | frozenset) else [value])):
                raise ImproperlyConfigured(
                    f"{name!r} is compared with an expression: a scope compares with plain values"
                )
            yield name
        else:
            raise ImproperlyConfigured("a scope is made of plain lookups, without expressions")


def _is_expression(value: object) -> bool:
    return hasattr(value, "resolve_expression") or hasattr(value, "query")


def _concrete(model: type[models.Model]) -> type[models.Model]:
    concrete: type[models.Model] = model._meta.concrete_model or model
    return concrete


def _field(model: type[models.Model], name: str) -> Field | None:
    try:
        return model._meta.pk if name == "pk" else model._meta.get_field(name)
    except FieldDoesNotExist:
        return None


def _step(walk: _Walk, found: Field, *, last: bool, name: str) -> None:
    if (found.is_relation and found.related_model is None) or not (found.concrete or found.auto_created):
        raise ImproperlyConfigured(f"{found.name!r} (in {name!r}) is a generic relation: those are not followed")
    if found.many_to_many:
        _step_through(walk, found, last=last)
    elif found.auto_created and not found.concrete:
        back = found.field
        walk.go(found.related_model, back.target_field.column, back.column, refers=True)
        if last:
            walk.watch(*(str(column.column) for column in walk.model._meta.local_concrete_fields))
    else:
        _to_ancestor(walk, found)
        walk.watch(found.column)
        if found.is_relation and not last:
            near, far = str(found.column), str(found.target_field.column)
            walk.go(found.related_model, near, far, refers=False, checked=found.db_constraint)


def _step_through(walk: _Walk, found: Field, *, last: bool) -> None:
    relation = found if found.concrete else found.field
    near, far = relation.m2m_column_name(), relation.m2m_reverse_name()
    near_target, far_target = relation.m2m_target_field_name(), relation.m2m_reverse_target_field_name()
    if not found.concrete:
        near, far, near_target, far_target = far, near, far_target, near_target
    here, there, through = walk.model, found.related_model, relation.remote_field.through
    walk.go(through, column_of(here, near_target), near, refers=True)
    walk.watch(far)
    if not last:
        checked = next(field.db_constraint for field in through._meta.fields if field.column == far)
        walk.go(there, far, column_of(there, far_target), refers=False, checked=checked)


def _to_ancestor(walk: _Walk, found: Field) -> None:
    """Under multi-table inheritance, a field may stand in the table of a parent."""
    owner = _concrete(found.model)
    while walk.model is not owner and (link := walk.model._meta.get_ancestor_link(owner)) is not None:
        walk.go(link.remote_field.model, str(link.column), str(link.target_field.column), refers=False)


def column_of(model: type[models.Model], name: str) -> str:
    """The column of a field of its own table."""
    field: Field = model._meta.get_field(name)
    return str(field.column)
