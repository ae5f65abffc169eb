"""How the objects of a declaration are read: with all that they are watched through, in as few queries as there are relations."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import Prefetch

from thirdparty.declaration.lookups import lookups_of, steps_of

if TYPE_CHECKING:
    from thirdparty.declaration.synced import Synced


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


def rows_with(rows: models.QuerySet[Any], watched: Watched, *, only_watched: bool = False) -> models.QuerySet[Any]:
    """These rows, to be read with all that is watched; and with nothing else, where ``only_watched``.

    Rows of relations are read from the same database and through base managers, as the triggers see them.
    """
    single, many, fields = list[str](), list[Any](), list[str]()
    for query_path, object_path, part in _to_one(watched, "", ""):
        if query_path:
            single.append(query_path.removesuffix("__"))
        fields += [f"{query_path}{name}" for name in {part.model._meta.pk.name, *part.fields}]
        for each in part.many.values():
            theirs = rows_with(each.model._base_manager.using(rows.db), each, only_watched=only_watched)
            many.append(Prefetch(f"{object_path}{each.accessor}", queryset=theirs))
    rows = rows.select_related(*single) if single else rows
    rows = rows.only(*fields) if only_watched else rows
    return rows.prefetch_related(*many) if many else rows


def _to_one(watched: Watched, query_path: str, object_path: str) -> Iterator[tuple[str, str, Watched]]:
    """What one query reads: itself, and what lies behind relations to one row."""
    yield query_path, object_path, watched
    for name, each in watched.single.items():
        yield from _to_one(each, f"{query_path}{name}__", f"{object_path}{each.accessor}__")
