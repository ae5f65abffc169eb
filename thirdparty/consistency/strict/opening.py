"""Begin a strict write, or see that there is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID, uuid4

from django.db import IntegrityError
from django.db.models.functions import Now

from thirdparty.consistency.strict import readiness
from thirdparty.consistency.strict.durations import longest_seconds
from thirdparty.consistency.strict.errors import Underway
from thirdparty.consistency.strict.taking_back import take_back_expired
from thirdparty.models import StrictWrite
from thirdparty.models.strict_write import Kind
from thirdparty.store import strict_rows
from users.models import User


@dataclass(frozen=True, slots=True)
class Opened:
    """A strict write of which nobody has been asked yet, and ``targets``, in the order in which they are to be."""

    strict_write: StrictWrite
    targets: Sequence[str]


def require_none(user_uuid: UUID) -> None:
    """Raise `Underway` while a strict write of this user stands. Call with the user's row locked.

    One that has expired is taken back here and now.
    """
    take_back_expired(user_uuid=user_uuid)
    left = StrictWrite.objects.of(user_uuid).seconds_left()
    if left is not None:
        raise Underway(max(1.0, left))


def open_write(kind: Kind, user: User, groups: Sequence[str], *, base: str) -> Opened:
    """Keep the candidate, and rows for it at every target. Call in a transaction, with the user's row locked.

    ``base``: the fingerprint of the user that the candidate was made from, empty for a create.
    Raises `Underway` while another one stands, `IntegrityError` for a username that one keeps, or a user has; and as
    `readiness.in_order`, where not every target can be asked.
    """
    require_none(user.uuid)
    take_back_expired(kind=Kind.CREATE, username=user.username)
    leaves = kind == Kind.DELETE or not user.is_active
    order = readiness.in_order(user.uuid, user.username, leaves=leaves)
    strict_rows.ensure(user.uuid, user.username if kind == Kind.CREATE else "", tombstone=kind == Kind.CREATE)
    values = {
        "username": user.username,
        "name": user.name,
        "phone": user.phone,
        "email": user.email,
        "is_active": user.is_active,
        "groups": list(groups),
    }
    token = uuid4().hex
    StrictWrite.objects.create(
        user_uuid=user.uuid,
        kind=kind,
        username=user.username,
        candidate={} if kind == Kind.DELETE else values,
        base=base,
        token=token,
        expires_at=Now() + timedelta(seconds=longest_seconds()),
    )
    # Only now: one that kept the username until just before is a user by now, whom the choice had not seen.
    if kind == Kind.CREATE and User.objects.filter(username=user.username).exists():
        raise IntegrityError(f"the username {user.username} was taken in the same instant")
    return Opened(StrictWrite.objects.get(token=token), order)
