"""The objects that records are of, read and named for people. Routers and managers are not asked: the rows decide."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Model

from thirdparty.declaration.registry import declared, is_declared, of_kind
from thirdparty.declaration.synced import Synced
from thirdparty.models import Record, Ref, Target

_LONGEST_ID = 18


class NoSuchObject(Exception):
    """The text names no object, or more than one; the message says which it may mean."""


def read(refs: Collection[Ref]) -> dict[Ref, Model]:
    """Those of these objects that there are, in one query for each kind."""
    objects: dict[Ref, Model] = {}
    for kind in {ref.kind for ref in refs}:
        if not is_declared(kind):
            continue
        declaration = of_kind(kind)
        identities = [declaration.identity_of(ref.object_id) for ref in refs if ref.kind == kind]
        found = declaration.rows().filter(**{f"{declaration.identity}__in": identities})
        objects |= {declaration.ref_of(instance): instance for instance in found}
    return objects


def locked(ref: Ref) -> Model | None:
    """The object, locked until the transaction ends; None where there is none any more."""
    declaration = of_kind(ref.kind)
    same = {declaration.identity: declaration.identity_of(ref.object_id)}
    instance: Model | None = declaration.rows().select_for_update().filter(**same).first()
    return instance


def ref_of(kind: str, text: str) -> Ref:
    """The object of this kind and identity, whether it is there or not. Raises `NoSuchObject` for what can be none."""
    if not is_declared(kind):
        raise NoSuchObject(f"nothing of the kind {kind!r} is declared; there is {_kinds()}")
    declaration = of_kind(kind)
    try:
        return declaration.ref(declaration.identity_of(text))
    except ValidationError:
        raise NoSuchObject(f"{text!r} cannot be the {declaration.identity} of a {kind}") from None


def named(text: str) -> Ref:
    """The object that a person means by ``kind:id``, by its identity, by its external id, by its natural key, or by its
    primary key or the id that a target gave its record; the first of these that there is.

    One that is gone is known by its identity and these two ids while a record of it stands. Raises `NoSuchObject`.
    """
    kind, separator, rest = text.partition(":")
    if separator and is_declared(kind):
        return ref_of(kind, rest)
    for meant in (_by_identity, _by_external_id, _by_key, _by_number):
        refs = {ref for declaration in declared() for ref in meant(declaration, text)}
        if len(refs) > 1:
            raise NoSuchObject(f"{text!r} may be {' or '.join(sorted(map(str, refs)))}: say which")
        if refs:
            return refs.pop()
    raise NoSuchObject(
        f"there is no object {text!r}; give KIND:ID (KIND: {_kinds()}), an identity, a natural key, or the id at a target"
    )


def _by_external_id(declaration: Synced[Any], text: str) -> Iterable[Ref]:
    object_id = declaration.object_id(text.strip())
    return [] if object_id is None else _by_identity(declaration, object_id)


def _by_identity(declaration: Synced[Any], text: str) -> Iterable[Ref]:
    try:
        identity = declaration.identity_of(text)
    except ValidationError:
        return []
    ref = declaration.ref(identity)
    there = declaration.rows().filter(**{declaration.identity: identity}).exists()
    return [ref] if there or Record.objects.of(ref).exists() else []


def _by_remote_id(declaration: Synced[Any], text: str) -> Iterable[Ref]:
    there = Record.objects.filter(target__in=Target.objects.values("name"), kind=declaration.kind, remote_id=text)
    return [Ref(declaration.kind, object_id) for object_id in there.values_list("object_id", flat=True).distinct()]


def _by_key(declaration: Synced[Any], text: str) -> Iterable[Ref]:
    return declaration.holders_of(text)


def _by_number(declaration: Synced[Any], text: str) -> Iterable[Ref]:
    # Both may be small numbers, and be two objects.
    return [*_by_primary_key(declaration, text), *_by_remote_id(declaration, text)]


def _by_primary_key(declaration: Synced[Any], text: str) -> Iterable[Ref]:
    if not text.isdecimal() or len(text) > _LONGEST_ID or declaration.identity == "pk":
        return []
    try:
        found = declaration.rows().filter(pk=int(text)).first()
    except (TypeError, ValueError, ValidationError):
        return []  # a primary key that is no number
    return [declaration.ref_of(found)] if found is not None else []


def _kinds() -> str:
    return ", ".join(declaration.kind for declaration in declared()) or "none"
