"""Reads what the targets are to hold, for some records at once."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

from django.db import DatabaseError, DataError, InterfaceError, connection

from thirdparty.connectors.base import RemoteObject
from thirdparty.declaration import AtTarget, Synced, Unmappable, of_kind
from thirdparty.declaration.at_target import Referred, WaitsFor
from thirdparty.declaration.json_values import require_json
from thirdparty.declaration.unwatched import refusing_unwatched
from thirdparty.models import Record, Ref
from thirdparty.settings import settings

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Desired:
    """``obj``: what the target is to hold, None for no record. ``used``: the remote ids in it, by the key of their record.

    ``obstacle``: why that cannot be said: the object is unmappable, it waits for another one, or the name of an error of
    our own code.
    """

    obj: RemoteObject | None = None
    obstacle: Unmappable | WaitsFor | str | None = None
    used: Mapping[str, str] = field(default_factory=dict)


class Known(Protocol):
    """A record, by a lease or as it was looked at: what its payload is made from. ``key``: the record's."""

    @property
    def key(self) -> str: ...

    @property
    def kind(self) -> str: ...

    @property
    def object_id(self) -> str: ...

    @property
    def natural_key(self) -> str: ...


def read(target: str, records: Sequence[Known]) -> Mapping[str, Desired]:
    """What this target is to hold for the objects of these records as they are now, by the record's key.

    An object that cannot be read while others can is an obstacle of its record alone. Raises what the database raises
    where that is of all of them: it is not to be had, or has not what is asked for.
    """
    found: dict[str, Desired] = {}
    for kind in dict.fromkeys(record.kind for record in records):
        theirs = [record for record in records if record.kind == kind]
        try:
            found |= _read(of_kind(kind), target, theirs)
        except Exception as error:
            if isinstance(error, DatabaseError | InterfaceError) and not connection.is_usable():
                raise
            found |= _read_each_alone(of_kind(kind), target, theirs)
    return found


def _read_each_alone(declaration: Synced[Any], target: str, records: Sequence[Known]) -> dict[str, Desired]:
    found, faults = dict[str, Desired](), dict[str, Exception]()
    for record in records:
        try:
            found |= _read(declaration, target, [record])
        except Exception as error:  # noqa: BLE001  # it ends in its row, and holds nobody else up
            faults[record.key] = error
    shared = [fault for fault in faults.values() if _may_be_of_all(fault)]
    if not found and shared and not _is_another_readable(declaration, target, records):
        raise shared[0]
    for key, fault in faults.items():
        logger.error("%s: its object cannot be read", key, exc_info=fault)
        found[key] = Desired(obstacle=type(fault).__name__)
    return found


def _is_another_readable(declaration: Synced[Any], target: str, besides: Sequence[Known]) -> bool:
    others = Record.objects.filter(target=target, kind=declaration.kind, deleted=False)
    other = others.exclude(key__in=[record.key for record in besides]).first()
    try:
        return other is not None and bool(_read(declaration, target, [other]))
    except Exception:  # noqa: BLE001  # then it is of all
        return False


def _may_be_of_all(error: Exception) -> bool:
    """Whether this may be said of whatever is read: a column is missing, a right, the database. Not of a value."""
    return isinstance(error, DatabaseError | InterfaceError) and not isinstance(error, DataError)


def _read(declaration: Synced[Any], target: str, records: Sequence[Known]) -> dict[str, Desired]:
    objects = declaration.load([record.object_id for record in records], only_watched=settings.SYNC_CHECK_READS)
    view = _view(declaration, target, objects.values())
    found = {}
    for record in records:
        at_target = view(Ref(declaration.kind, record.object_id), record.natural_key)
        external_id = declaration.external_id(record.object_id)
        make = partial(_wanted, declaration, at_target, external_id, objects.get(record.object_id), record.natural_key)
        found[record.key] = prepared(record.key, make, at_target.used)
    return found


def read_wanted(ref: Ref, target: str, natural_key: str) -> RemoteObject | None:
    """What the target is to hold for one object as it is now. Raises `Unmappable`, `WaitsFor`, and what a declaration raises."""
    declaration = of_kind(ref.kind)
    objects = declaration.load([ref.object_id], only_watched=settings.SYNC_CHECK_READS)
    at_target = _view(declaration, target, objects.values())(ref, natural_key)
    external_id = declaration.external_id(ref.object_id)
    return _wanted(declaration, at_target, external_id, objects.get(ref.object_id), natural_key)


def prepared(key: str, make: Callable[[], RemoteObject | None], used: Mapping[str, str] | None = None) -> Desired:
    """What ``make`` gives, or why it gives nothing: whatever a record does to our code, it ends in its row."""
    try:
        return Desired(make(), used=used or {})
    except (Unmappable, WaitsFor) as obstacle:
        return Desired(obstacle=obstacle)
    except Exception as error:  # the promise above
        logger.exception("%s: cannot be prepared", key)
        return Desired(obstacle=type(error).__name__)


def _wanted(
    declaration: Synced[Any], at_target: AtTarget, external_id: str, obj: Any, natural_key: str
) -> RemoteObject | None:
    if obj is None:
        return None
    with refusing_unwatched(declaration.kind) if settings.SYNC_CHECK_READS else nullcontext():
        payload = declaration.payload(obj, at_target)
    if payload is None:
        return None
    require_json(payload)
    return RemoteObject(external_id, natural_key or declaration.key_of(obj), payload)


def seen_by(ref: Ref, target: str, natural_key: str) -> AtTarget:
    """The target as one object sees it that need not be saved: whatever it refers to is read when it is asked for."""
    declaration = of_kind(ref.kind)
    known = tuple(dict.fromkeys((declaration, *map(of_kind, declaration.kinds_referred_to().values()))))
    return AtTarget(target, known, _ReadWhenAsked(target), {}, (ref, natural_key))


class _ReadWhenAsked(Mapping[Ref, Referred]):
    """The records of one target."""

    def __init__(self, target: str) -> None:
        self._target = target

    def __getitem__(self, ref: Ref) -> Referred:
        row = Record.objects.filter(key=ref.key(self._target)).first()
        if row is None:
            raise KeyError(ref)
        return _referred(row)

    def __iter__(self) -> Iterator[Ref]:
        return (row.ref for row in Record.objects.filter(target=self._target))

    def __len__(self) -> int:
        return Record.objects.filter(target=self._target).count()


def _view(declaration: Synced[Any], target: str, objects: Iterable[Any]) -> Callable[[Ref, str], AtTarget]:
    """The target as each of these objects sees it, with all that they may refer to, in one query."""
    kinds = declaration.kinds_referred_to()
    declarations = {name: of_kind(kind) for name, kind in kinds.items()}
    known = tuple(dict.fromkeys((declaration, *declarations.values())))
    refs = {
        declarations[name].ref_of(other)
        for obj in objects
        for name in kinds
        if (other := getattr(obj, name)) is not None
    }
    rows = Record.objects.filter(key__in=[ref.key(target) for ref in refs]) if refs else ()
    referred = {row.ref: _referred(row) for row in rows}
    return lambda own, natural_key: AtTarget(target, known, referred, {}, (own, natural_key))


def _referred(row: Record) -> Referred:
    remote_id = None if row.deleted else row.remote_id
    if row.deleted:
        return Referred(None, row.natural_key, "is gone here, and from the target")
    if row.parked:
        return Referred(remote_id, row.natural_key, f"is parked ({row.parked})")
    if row.synced_generation >= row.generation and row.remote_id is None:
        return Referred(None, row.natural_key, "is not to be at this target")
    return Referred(remote_id, row.natural_key)
