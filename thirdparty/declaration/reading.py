"""Reads objects together with what is watched through relations: as many statements for many objects as for one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from django.db import models
from django.db.models import prefetch_related_objects

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
    objects = list(rows.select_related(*sorted(single)) if single else rows)
    for relation, paths in many.items():
        prefetch_related_objects(_with_some(objects, relation, rows.db), *sorted(paths))
    return objects


def _with_some(objects: Sequence[M], name: str, database: str) -> Sequence[M]:
    """Those that have any rows of this relation; the others are told that they have none.

    One narrow statement says who. Django's prefetch makes a query object for each of the objects, which, for those that have
    no rows, costs more than all else that is read of them.
    """
    hops = resolved(type(objects[0]), name).hops if objects else ()
    if not hops or not hops[0].refers:
        return objects
    hop, relation = hops[0], type(objects[0])._meta.get_field(name)
    near, far = _attribute(type(objects[0]), hop.near_column), _attribute(hop.model, hop.far_column)
    theirs = hop.model._base_manager.using(database).filter(
        **{f"{far}__in": {getattr(each, near) for each in objects}}
    )
    named = set(theirs.order_by().values_list(far, flat=True).distinct())
    without = [each for each in objects if getattr(each, near) not in named]
    _tell_of_none(without, relation)
    return [each for each in objects if getattr(each, near) in named]


def _tell_of_none(objects: Sequence[models.Model], relation: Any) -> None:
    # As `prefetch_related_objects` does, but with one answer for all. Whatever is asked of it further is none, too.
    nothing = relation.related_model._default_manager.none()
    name = relation.name if relation.many_to_many else relation.cache_name
    for each in objects:
        each.__dict__.setdefault("_prefetched_objects_cache", {})[name] = nothing


def _attribute(model: type[models.Model], column: str) -> str:
    return next(field.attname for field in model._meta.concrete_fields if field.column == column)
