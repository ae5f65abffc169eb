"""The declarations of this project, by their kind."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, TypeVar

from django.core.exceptions import ImproperlyConfigured

from thirdparty.declaration.synced import Synced

D = TypeVar("D", bound=type[Synced[Any]])

_declared: dict[str, Synced[Any]] = {}


def register(declaration: D) -> D:
    """Have the objects of this declaration kept at its targets. Raises `ImproperlyConfigured` for a kind that is taken."""
    kind = declaration.kind
    present = _declared.get(kind)
    if present is not None and type(present) is not declaration:
        raise ImproperlyConfigured(
            f"{declaration.__module__}.{declaration.__qualname__} and {type(present).__module__}."
            f"{type(present).__qualname__} are both of the kind {kind!r}: give one of them another `kind`"
        )
    _declared[kind] = declaration()
    return declaration


def declared() -> Collection[Synced[Any]]:
    """Every declaration, in the order in which they were registered."""
    return _declared.values()


def any_references() -> bool:
    """Whether objects of any kind refer to others."""
    return any(declaration.references for declaration in _declared.values())


def declared_for(target: str) -> list[Synced[Any]]:
    """The declarations whose objects this target is to hold."""
    return [each for each in _declared.values() if each.targets is None or target in each.targets]


def is_declared(kind: str) -> bool:
    return kind in _declared


def of_kind(kind: str) -> Synced[Any]:
    """The declaration of this kind. Raises `KeyError` where none is registered."""
    return _declared[kind]
