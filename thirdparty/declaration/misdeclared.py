"""What is wrong with a declaration, before anything is made of it. The database is not asked."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import (
    EmptyResultSet,
    FieldDoesNotExist,
    FieldError,
    FullResultSet,
    ImproperlyConfigured,
    ValidationError,
)
from django.db import DEFAULT_DB_ALIAS, connections, models, router

from thirdparty.declaration.key_changes import KeyChanges
from thirdparty.declaration.lookups import PerTarget, column_of, resolved
from thirdparty.declaration.registry import declared, is_declared
from thirdparty.declaration.source import Source
from thirdparty.declaration.synced import Synced
from thirdparty.models import Record

_HIGHEST_VERSION = 2**31 - 1
_KIND = re.compile(r"[a-z0-9_.]+")


@dataclass(frozen=True, slots=True)
class Fault:
    """``number``: of the system check's id. The message names the declaration, the hint says what to do."""

    number: int
    message: str
    hint: str


def faults() -> list[Fault]:
    """What is wrong with the declarations of this project."""
    return [fault for declaration in declared() for fault in faults_of(declaration)]


def faults_of(declaration: Synced[Any]) -> list[Fault]:
    """What is wrong with this one. Without a model there is nothing to hold the rest against."""
    if not hasattr(declaration, "model"):
        return [_fault(declaration, 101, "names no model", "Write class Name(Synced[Model]).")]
    return [fault for look in _LOOKS for fault in look(declaration)]


def _fault(declaration: Synced[Any], number: int, what: str, hint: str) -> Fault:
    return Fault(number, f"{type(declaration).__module__}.{type(declaration).__qualname__} {what}", hint)


def _kind(declaration: Synced[Any]) -> Iterator[Fault]:
    longest = _longest("kind")
    if not _KIND.fullmatch(declaration.kind) or len(declaration.kind) > longest:
        hint = f"Give it a `kind` of at most {longest} of the characters a-z, 0-9, _ and the dot; it stands in triggers' names."
        yield _fault(declaration, 102, f"is of the kind {declaration.kind!r}", hint)


def _identity(declaration: Synced[Any]) -> Iterator[Fault]:
    name = declaration.identity
    hint = (
        "`identity` is a column of the model's own table that is unique and never empty; the primary key by default."
    )
    try:
        field = declaration.identity_field()
    except FieldDoesNotExist:
        yield _fault(declaration, 103, f"has the identity {name!r}, which is no field of its model", hint)
        return
    if not _is_own_column(declaration, field):
        yield _fault(declaration, 103, f"has the identity {name!r}, which is no column of the model's own table", hint)
    elif not _is_unique(declaration, field):
        yield _fault(declaration, 103, f"has the identity {name!r}, which is not unique", hint)
    elif field.null:
        yield _fault(declaration, 103, f"has the identity {name!r}, which may be empty", hint)
    elif _is_longer(field, "object_id"):
        what = f"has the identity {name!r}, whose texts may be longer than {_longest('object_id')} characters"
        yield _fault(declaration, 103, what, "Saving such an object would fail: take another field as `identity`.")


def _key(declaration: Synced[Any]) -> Iterator[Fault]:
    name = declaration.key
    if name is None:
        return
    hint = "`key` is a column of the model's own table, or None where the targets know no natural key."
    try:
        field: Any = declaration.model._meta.get_field(name)
    except FieldDoesNotExist:
        yield _fault(declaration, 104, f"has the key {name!r}, which is no field of its model", hint)
        return
    if field.is_relation or not _is_own_column(declaration, field):
        yield _fault(declaration, 104, f"has the key {name!r}, which is no column of the model's own table", hint)
    elif _is_longer(field, "wanted_key"):
        what = f"has the key {name!r}, whose texts may be longer than {_longest('wanted_key')} characters"
        yield _fault(
            declaration,
            104,
            what,
            f"Saving such an object would fail: give the field max_length={_longest('wanted_key')}.",
        )


def _watch(declaration: Synced[Any]) -> Iterator[Fault]:
    for each in declaration.watch:
        name = each if isinstance(each, str) else each.lookup
        try:
            lookup = resolved(declaration.model, name)
        except ImproperlyConfigured as wrong:
            hint = "`watch` takes columns, relations, and columns behind relations, as in 'customer__email'."
            yield _fault(declaration, 105, f"watches {name!r}: {wrong}", hint)
            continue
        if isinstance(each, PerTarget):
            hint = "`field` is a column, with the target's name in it, of the last table that the lookup leads to."
            if not lookup.hops:
                yield _fault(declaration, 106, f"watches {name!r} per target, which leads to no other table", hint)
                continue
            try:
                column_of(lookup.hops[-1].model, each.field)
            except FieldDoesNotExist:
                label = lookup.hops[-1].model._meta.label
                yield _fault(
                    declaration, 106, f"watches {name!r} per target by {each.field!r}, which {label} has not", hint
                )


def _scope(declaration: Synced[Any]) -> Iterator[Fault]:
    if declaration.scope is None:
        return
    hint = (
        "`scope` is a Q of plain lookups and constants: the same for every transaction, at any time. None means all."
    )
    try:
        declaration.scope_lookups()
        Source(declaration, connections[DEFAULT_DB_ALIAS]).in_scope("n")
    except (EmptyResultSet, FullResultSet):
        yield _fault(declaration, 107, "has a scope that holds of no object, or of every one", hint)
    except (ImproperlyConfigured, FieldError, ValidationError, TypeError, ValueError, NotImplementedError) as wrong:
        yield _fault(declaration, 107, f"has a scope that is not understood: {wrong}", hint)


def _database(declaration: Synced[Any]) -> Iterator[Fault]:
    try:
        hops = [hop.model for lookup in declaration.lookups() for hop in lookup.hops]
    except ImproperlyConfigured:
        return  # said elsewhere
    for model in dict.fromkeys([declaration.model, *hops]):
        alias = router.db_for_write(model)
        if alias != router.db_for_write(Record):
            what = f"needs {model._meta.label}, which is written to the database {alias!r}"
            hint = "A declared table and all that is watched are in the database of the records: see DATABASE_ROUTERS."
            yield _fault(declaration, 108, what, hint)


def _references(declaration: Synced[Any]) -> Iterator[Fault]:
    for name, kind in declaration.kinds_referred_to().items():
        if not is_declared(kind):
            what = f"refers to objects of the kind {kind!r} by {name!r}, and nothing of that kind is declared"
            yield _fault(declaration, 109, what, "Declare it with @register, or take it out of `references`.")
        try:
            resolved(declaration.model, name)
        except ImproperlyConfigured as wrong:
            hint = "`references` names a field that leads to the other object."
            yield _fault(declaration, 109, f"refers by {name!r}: {wrong}", hint)


def _key_changes(declaration: Synced[Any]) -> Iterator[Fault]:
    if declaration.key_changes is KeyChanges.KEPT:
        return
    if declaration.key is None:
        what = f"has records {declaration.key_changes} whose key changes, and no `key`"
        yield _fault(declaration, 113, what, "Name the field of the key.")
    if declaration.key_changes is KeyChanges.RENAMED:
        return
    named_by = [each.kind for each in declared() if declaration.kind in each.kinds_referred_to().values()]
    if named_by:
        what = f"has records replaced whose key changes, and {', '.join(named_by)} name them at the target"
        hint = "A record that others name is deleted after them, and they stay: set `key_changes` to RENAMED, or leave it at KEPT."
        yield _fault(declaration, 113, what, hint)


def _version(declaration: Synced[Any]) -> Iterator[Fault]:
    version: object = declaration.version
    if not isinstance(version, int) or isinstance(version, bool) or not 1 <= version <= _HIGHEST_VERSION:
        hint = "`version` is a whole number from 1 on; raise it by one with any change of the declaration."
        yield _fault(declaration, 112, f"has the version {version!r}", hint)


_LOOKS: tuple[Callable[[Synced[Any]], Iterator[Fault]], ...] = (
    _kind, _identity, _key, _watch, _scope, _database, _references, _key_changes, _version,
)  # fmt: skip


def _is_own_column(declaration: Synced[Any], field: Any) -> bool:
    return (
        bool(field.concrete)
        and field in (declaration.model._meta.concrete_model or declaration.model)._meta.local_fields
    )


def _is_unique(declaration: Synced[Any], field: Any) -> bool:
    constraints = declaration.model._meta.total_unique_constraints
    return field.unique or any(constraint.fields == (field.name,) for constraint in constraints)


def _is_longer(field: Any, column: str) -> bool:
    """Whether it may hold a text that a record's column cannot."""
    if isinstance(field, models.ForeignKey):
        return _is_longer(field.target_field, column)
    return isinstance(field, models.CharField | models.TextField) and (
        field.max_length or _longest(column) + 1
    ) > _longest(column)


def _longest(column: str) -> int:
    field: Any = Record._meta.get_field(column)
    return int(field.max_length)
