"""Begin a strict write, or see that there is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import uuid4

from django.db import IntegrityError
from django.db.models.functions import Now

from thirdparty.consistency.strict import readiness
from thirdparty.consistency.strict.durations import longest_seconds
from thirdparty.consistency.strict.errors import Underway
from thirdparty.consistency.strict.taking_back import take_back_expired
from thirdparty.declaration import of_kind
from thirdparty.models import Ref, StrictWrite
from thirdparty.models.strict_write import Action
from thirdparty.store import strict_rows
from users.models import User


@dataclass(frozen=True, slots=True)
class Opened:
    """A strict write of which nobody has been asked yet, and ``targets``, in the order in which they are to be."""

    strict_write: StrictWrite
    targets: Sequence[str]


def require_none(ref: Ref) -> None:
    """Raise `Underway` while a strict write of this user stands. Call with the user's row locked.

    One that has expired is taken back here and now.
    """
    take_back_expired(kind=ref.kind, object_id=ref.object_id)
    left = StrictWrite.objects.of(ref).seconds_left()
    if left is not None:
        raise Underway(max(1.0, left))


def open_write(action: Action, user: User, groups: Sequence[str], *, base: str) -> Opened:
    """Keep the candidate, and rows for it at every target. Call in a transaction, with the user's row locked.

    ``base``: the fingerprint of the user that the candidate was made from, empty for a create.
    Raises `Underway` while another one stands, `IntegrityError` for a username that one keeps, or a user has; and as
    `readiness.in_order`, where not every target can be asked.
    """
    ref = of_kind("users.user").ref_of(user)
    require_none(ref)
    take_back_expired(action=Action.CREATE, username=user.username)
    leaves = action == Action.DELETE or not user.is_active
    order = readiness.in_order(ref, user.username, leaves=leaves)
    strict_rows.ensure(ref, user.username if action == Action.CREATE else "", tombstone=action == Action.CREATE)
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
        kind=ref.kind,
        object_id=ref.object_id,
        action=action,
        username=user.username,
        candidate={} if action == Action.DELETE else values,
        base=base,
        token=token,
        expires_at=Now() + timedelta(seconds=longest_seconds()),
    )
    # Only now: one that kept the username until just before is a user by now, whom the choice had not seen.
    if action == Action.CREATE and User.objects.filter(username=user.username).exists():
        raise IntegrityError(f"the username {user.username} was taken in the same instant")
    return Opened(StrictWrite.objects.get(token=token), order)
