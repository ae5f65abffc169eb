"""What accepting a target's values would change here: it is done, looked at, and taken back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.db import transaction
from django.db.models import Field, Model
from django.utils.functional import Promise

from thirdparty import permissions
from thirdparty.decisions.compensation import (
    CannotCompensate,
    Deed,
    as_seen,
    digest_of_held,
    link_to_accept,
    open_row,
    refusals,
    write_here,
)
from thirdparty.declaration import objects, of_kind
from thirdparty.models import Ref
from thirdparty.permissions import Account, Right


@dataclass(frozen=True, slots=True)
class Change:
    """One watched field of the object: as it is ``here``, and as it would be ``then``; a relation as a sorted list of texts."""

    field: str | Promise
    here: Any
    then: Any


@dataclass(frozen=True, slots=True)
class AcceptPreview:
    """``seen`` and ``held``: what the decision is about, for `thirdparty.decisions.compensation.compensate`."""

    changes: tuple[Change, ...]
    seen: int
    held: str


def preview_accept(key: str, *, account: Account, seen: int) -> AcceptPreview:
    """Ask the target, and say which watched fields of the object would change.

    Raises as ``compensate`` does, for the same reasons. Not to be used inside a transaction.
    """
    permissions.require(account, Right.DECIDE)
    row = open_row(key, Deed.ACCEPT, seen=seen)
    link = link_to_accept(row)
    with refusals(), transaction.atomic():
        instance, _ = as_seen(row)
        if instance is None:
            raise CannotCompensate("The object is gone, so nothing can be written here. Create it anew, or adopt.")
        before = list(_watched(row.ref, instance))
        write_here(row, link, instance, account)
        changed = objects.locked(row.ref)
        after = list(_watched(row.ref, changed)) if changed is not None else []
        transaction.set_rollback(True)
    changes = tuple(
        Change(name, here, then) for (name, here), (_, then) in zip(before, after, strict=False) if here != then
    )
    return AcceptPreview(changes, row.generation, digest_of_held(row, link))


def _watched(ref: Ref, instance: Model) -> Iterator[tuple[str | Promise, Any]]:
    """The name and the value of each field of the object that its declaration watches."""
    watched = (entry.split("__")[0] for entry in of_kind(ref.kind).watch if isinstance(entry, str))
    for name in dict.fromkeys(watched):
        try:
            field = instance._meta.get_field(name)
        except FieldDoesNotExist:
            continue  # `pk`
        if isinstance(field, Field):
            label, value = field.verbose_name, getattr(instance, field.name)
        else:
            label, value = name, getattr(instance, field.get_accessor_name() or name, None)
        yield label, sorted(map(str, value.all())) if hasattr(value, "all") else value
