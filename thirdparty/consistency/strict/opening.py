"""Begin a strict write, or see that there is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

from django.db import IntegrityError
from django.db.models.functions import Now

from thirdparty.consistency.strict import naming, readiness
from thirdparty.consistency.strict.durations import longest_seconds
from thirdparty.consistency.strict.errors import Underway
from thirdparty.consistency.strict.taking_back import take_back_expired
from thirdparty.declaration import of_kind
from thirdparty.models import Ref, StrictWrite
from thirdparty.models.strict_write import Action
from thirdparty.store import strict_rows


@dataclass(frozen=True, slots=True)
class Opened:
    """A strict write of which nobody has been asked yet, and ``targets``, in the order in which they are to be."""

    strict_write: StrictWrite
    targets: Sequence[str]


def require_none(ref: Ref) -> None:
    """Raise `Underway` while a strict write of this object stands. Call with the object's row locked.

    One that has expired is taken back here and now.
    """
    take_back_expired(kind=ref.kind, object_id=ref.object_id)
    left = StrictWrite.objects.of(ref).seconds_left()
    if left is not None:
        raise Underway(max(1.0, left))


@dataclass(frozen=True, slots=True)
class Candidate:
    """What a strict write is to make of one object.

    ``values``: what its declaration's `candidate` takes. ``natural_key``: what a record that is new would have. ``base``: the
    fingerprint of the object that the candidate was made from, empty for a create. ``leaves``: no record is wanted any more.
    """

    ref: Ref
    action: Action
    values: Mapping[str, Any]
    natural_key: str
    base: str
    leaves: bool


def open_write(candidate: Candidate) -> Opened:
    """Keep the candidate, and rows for it at every target. Call in a transaction, with the object's row locked.

    Raises `Underway` while another one stands, `IntegrityError` for a natural key that one keeps, or an object has; and as
    `readiness.in_order` and `naming.require_free`, where not every target can be asked.
    """
    ref, key, is_new = candidate.ref, candidate.natural_key, candidate.action == Action.CREATE
    require_none(ref)
    take_back_expired(kind=ref.kind, action=Action.CREATE, natural_key=key)
    order = readiness.in_order(ref, key, leaves=candidate.leaves)
    strict_write = StrictWrite(
        kind=ref.kind,
        object_id=ref.object_id,
        action=candidate.action,
        natural_key=key,
        candidate={} if candidate.action == Action.DELETE else dict(candidate.values),
        base=candidate.base,
        token=uuid4().hex,
        expires_at=Now() + timedelta(seconds=longest_seconds()),
    )
    naming.require_free(strict_write, order)
    strict_rows.ensure(ref, key if is_new else "", tombstone=is_new)
    strict_write.save()
    # Only now: one that kept the key until just before is an object by now, which the choice had not seen.
    if is_new and of_kind(ref.kind).holders_of(key):
        raise IntegrityError(f"the natural key {key} was taken in the same instant")
    return Opened(StrictWrite.objects.get(token=strict_write.token), order)
