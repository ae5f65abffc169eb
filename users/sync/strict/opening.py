"""Begin a strict write, or see that there is none."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID, uuid4

from django.db import IntegrityError
from django.utils import timezone

from users.models import StrictWrite, User
from users.models.strict import Kind
from users.sync.outbox import strict_rows
from users.sync.strict.durations import longest_seconds
from users.sync.strict.errors import Underway
from users.sync.strict.taking_back import take_back_expired


def require_none(user_uuid: UUID) -> None:
    """Raise `Underway` while a strict write of this user stands. Call with the user's row locked.

    One that has expired is taken back here and now.
    """
    take_back_expired(user_uuid=user_uuid)
    standing = StrictWrite.objects.of(user_uuid).first()
    if standing is not None:
        seconds = (standing.expires_at - timezone.now()).total_seconds()
        raise Underway(max(1.0, seconds))


def open_write(kind: Kind, user: User, groups: Sequence[str], *, base: str) -> StrictWrite:
    """Keep the candidate, and rows for it at every target. Call in a transaction, with the user's row locked.

    ``base``: the fingerprint of the user that the candidate was made from, empty for a create.
    Raises `Underway` while another one stands, `IntegrityError` for a username that one keeps, or a user has.
    """
    require_none(user.uuid)
    take_back_expired(kind=Kind.CREATE, username=user.username)
    strict_rows.ensure(user.uuid, user.username if kind == Kind.CREATE else "", tombstone=kind == Kind.CREATE)
    values = {
        "username": user.username,
        "name": user.name,
        "phone": user.phone,
        "email": user.email,
        "is_active": user.is_active,
        "groups": list(groups),
    }
    strict_write = StrictWrite.objects.create(
        user_uuid=user.uuid,
        kind=kind,
        username=user.username,
        candidate={} if kind == Kind.DELETE else values,
        base=base,
        token=uuid4().hex,
        expires_at=timezone.now() + timedelta(seconds=longest_seconds()),
    )
    # Only now: one that kept the username until just before is a user by now, whom the choice had not seen.
    if kind == Kind.CREATE and User.objects.filter(username=user.username).exists():
        raise IntegrityError(f"the username {user.username} was taken in the same instant")
    return strict_write
