"""Reads what the targets are to hold, for some records at once."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from thirdparty.connectors.base import RemoteObject
from thirdparty.decide.lease import Lease
from thirdparty.declaration import AtTarget, Synced, Unmappable, of_kind
from thirdparty.models import Ref

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Desired:
    """``obj``: what the target is to hold, None for no record.

    ``obstacle``: why that cannot be said: the object is unmappable, or the name of an error of our own code.
    """

    obj: RemoteObject | None = None
    obstacle: Unmappable | str | None = None


def read(target: str, leases: Sequence[Lease]) -> Mapping[str, Desired]:
    """What this target is to hold for the objects of these leases as they are now, by the record's key."""
    found: dict[str, Desired] = {}
    for kind in dict.fromkeys(lease.kind for lease in leases):
        declaration, theirs = of_kind(kind), [lease for lease in leases if lease.kind == kind]
        objects = declaration.load([lease.object_id for lease in theirs])
        for lease in theirs:
            make = partial(
                _wanted, declaration, target, lease.object_id, objects.get(lease.object_id), lease.natural_key
            )
            found[lease.key] = prepared(lease.key, make)
    return found


def read_wanted(ref: Ref, target: str, natural_key: str) -> RemoteObject | None:
    """What the target is to hold for one object as it is now. Raises `Unmappable`, and what a declaration raises."""
    declaration = of_kind(ref.kind)
    obj = declaration.load([ref.object_id]).get(ref.object_id)
    return _wanted(declaration, target, ref.object_id, obj, natural_key)


def prepared(key: str, make: Callable[[], RemoteObject | None]) -> Desired:
    """What ``make`` gives, or why it gives nothing: whatever a record does to our code, it ends in its row."""
    try:
        return Desired(make())
    except Unmappable as unmappable:
        return Desired(obstacle=unmappable)
    except Exception as error:  # the promise above
        logger.exception("%s: cannot be prepared", key)
        return Desired(obstacle=type(error).__name__)


def _wanted(declaration: Synced[Any], target: str, object_id: str, obj: Any, natural_key: str) -> RemoteObject | None:
    payload = declaration.payload(obj, AtTarget(target)) if obj is not None else None
    if payload is None:
        return None
    return RemoteObject(declaration.external_id(object_id), natural_key or declaration.key_of(obj), payload)
