"""Reads objects together with what is watched through relations: as many statements for many objects as for one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

from django.db import models
from django.db.models import Exists, OuterRef, prefetch_related_objects

from thirdparty.declaration.lookups import relations_of, resolved

M = TypeVar("M", bound=models.Model)


def read(rows: models.QuerySet[M], watched: Iterable[str]) -> list[M]:
    """These rows, and all that these lookups lead through."""
    single, many = set[str](), dict[str, set[str]]()
    for name in watched:
        path, is_single = relations_of(rows.model, name)
        if path and is_single:
            single.add(path)
        elif path:
            many.setdefault(name.partition("__")[0], set()).add(path)
    asked = {relation: some for relation in many if (some := _some(rows.model, relation)) is not None}
    rows = rows.annotate(**{_mark(relation): some for relation, some in asked.items()})
    objects = list(rows.select_related(*sorted(single)) if single else rows)
    for relation, paths in many.items():
        theirs = _with_some(objects, relation) if relation in asked else objects
        prefetch_related_objects(theirs, *sorted(paths))
    return objects


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
