"""Reads objects together with what is watched through relations: as many statements for many objects as for one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from django.db import models
from django.db.models import Exists, OuterRef, Prefetch, prefetch_related_objects

from thirdparty.declaration.compiled import Compiled
from thirdparty.declaration.lookups import lookups_of, resolved, steps_of

if TYPE_CHECKING:
    from thirdparty.declaration.synced import Synced

M = TypeVar("M", bound=models.Model)


@dataclass(slots=True)
class Watched:
    """What is watched of a model's rows: these fields, and what lies behind these relations.

    ``single``, ``many``: by the relation's name in queries, which leads to one row at most, or to any number.
    ``accessor``: what the relation is called on an object.
    """

    model: type[models.Model]
    accessor: str = ""
    fields: set[str] = field(default_factory=set)
    single: dict[str, Watched] = field(default_factory=dict)
    many: dict[str, Watched] = field(default_factory=dict)

    def behind(self, name: str, relation: Any) -> Watched:
        """What is watched behind this relation of its."""
        to_many = relation.many_to_many or relation.one_to_many
        accessor = relation.get_accessor_name() if relation.auto_created and not relation.concrete else relation.name
        found = (self.many if to_many else self.single).setdefault(name, Watched(relation.related_model, accessor))
        if relation.one_to_many:  # by its own column, Django knows whose row it is
            found.fields.add(relation.field.name)
        return found


def watched(declaration: Synced[Any]) -> Watched:
    """All that is watched of its objects, the scope's lookups among it."""
    top = Watched(declaration.model, fields={declaration.identity_field().name})
    if declaration.key is not None:
        top.fields.add(declaration.key)
    names = [each if isinstance(each, str) else each.lookup for each in declaration.watch]
    for name in (*names, *(lookups_of(declaration.scope) if declaration.scope is not None else ())):
        at, found = top, None
        for part, found in steps_of(declaration.model, name):
            if not found.is_relation or (found.concrete and not found.many_to_many):
                at.fields.add(found.name)
            if found.is_relation:
                at = at.behind(part, found)
        if found is not None and found.auto_created and found.is_relation and not found.many_to_many:
            at.fields |= {column.name for column in at.model._meta.local_concrete_fields}  # as `resolved` watches them
    return top


class Reading(Generic[M]):
    """Reads rows of a model and all that is watched behind them; and nothing else, where ``only_watched``.

    Rows of relations are read from the same database and through base managers, as the triggers see them.
    """

    def __init__(
        self, rows: models.QuerySet[M], by: models.Field[Any, Any], watched: Watched, *, only_watched: bool = False
    ) -> None:
        self._db = rows.db
        self._watched = watched
        self._only_watched = only_watched
        self._names = [name for name, _ in self._of_many()]
        self._asked = {name: some for name in self._names if name and (some := _some(rows.model, name)) is not None}
        rows = _with_single(rows, watched, only_watched=only_watched)
        self._rows = Compiled(rows.annotate(**{_mark(name): some for name, some in self._asked.items()}), by)

    def among(self, values: Sequence[Any]) -> list[M]:
        """Those whose field ``by`` has one of these values."""
        objects = self._rows.among(values)
        those_with_some = [_with_some(objects, name) if name in self._asked else objects for name in self._names]
        if any(those_with_some):
            for some, (_, relation) in zip(those_with_some, self._of_many(), strict=True):
                prefetch_related_objects(some, relation)
        return objects

    def _of_many(self) -> list[tuple[str, Any]]:
        return _many(self._db, self._watched, only_watched=self._only_watched)


def _with_single(rows: models.QuerySet[M], watched: Watched, *, only_watched: bool) -> models.QuerySet[M]:
    """The rows with what the same query can read."""
    single, fields = list[str](), list[str]()
    for query_path, _, part in _to_one(watched, "", ""):
        if query_path:
            single.append(query_path.removesuffix("__"))
        fields += [f"{query_path}{name}" for name in {part.model._meta.pk.name, *part.fields}]
    rows = rows.select_related(*single) if single else rows
    return rows.only(*fields) if only_watched else rows


def _many(db: str, watched: Watched, *, only_watched: bool) -> list[tuple[str, Any]]:
    """What is to be read by queries of its own: the relation's name, empty where it is not of the row itself, and how."""
    many = list[tuple[str, Any]]()
    for _, object_path, part in _to_one(watched, "", ""):
        for name, each in part.many.items():
            theirs = _with_single(each.model._base_manager.using(db), each, only_watched=only_watched)
            further = [relation for _, relation in _many(db, each, only_watched=only_watched)]
            theirs = theirs.prefetch_related(*further) if further else theirs
            many.append(("" if object_path else name, Prefetch(f"{object_path}{each.accessor}", queryset=theirs)))
    return many


def _to_one(watched: Watched, query_path: str, object_path: str) -> Iterator[tuple[str, str, Watched]]:
    """What one query reads: itself, and what lies behind relations to one row."""
    yield query_path, object_path, watched
    for name, each in watched.single.items():
        yield from _to_one(each, f"{query_path}{name}__", f"{object_path}{each.accessor}__")


def _some(model: type[models.Model], relation: str) -> Exists | None:
    """Whether an object has any rows of this relation; None where it is not one of many rows that name the object."""
    hops = resolved(model, relation).hops
    if not hops or not hops[0].refers:
        return None
    hop = hops[0]
    near, far = _attribute(model, hop.near_column), _attribute(hop.model, hop.far_column)
    return Exists(hop.model._base_manager.filter(**{far: OuterRef(near)}))


def _mark(relation: str) -> str:
    return f"_has_{relation}"


def _with_some(objects: Iterable[M], relation: str) -> list[M]:
    """Those that have any rows of this relation; the others are told that they have none.

    Django's prefetch makes a query object for each of the objects, which, for those that have no rows, costs more than all
    else that is read of them.
    """
    some, none = list[M](), list[M]()
    for each in objects:
        (some if each.__dict__.pop(_mark(relation)) else none).append(each)
    if none:
        _tell_of_none(none, type(none[0])._meta.get_field(relation))
    return some


def _tell_of_none(objects: Iterable[models.Model], relation: Any) -> None:
    # As `prefetch_related_objects` does, but with one answer for all. Whatever is asked of it further is none, too.
    nothing = relation.related_model._default_manager.none()
    name = relation.name if relation.many_to_many else relation.cache_name
    for each in objects:
        each.__dict__.setdefault("_prefetched_objects_cache", {})[name] = nothing


def _attribute(model: type[models.Model], column: str) -> str:
    return next(field.attname for field in model._meta.concrete_fields if field.column == column)
