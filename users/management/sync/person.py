"""The USER of a command line."""

from __future__ import annotations

from uuid import UUID

from django.core.management.base import CommandError

from thirdparty.models import Record, Ref
from users.models import User
from users.synced import Person, person

HELP = "a uuid, a username or a numeric id; the uuid of a deleted user works while a tombstone stands"
_LONGEST_ID = 18


def named(text: str) -> Ref:
    """The person meant. Raises `CommandError` for nobody, and for operators."""
    by_uuid = _uuid(text)
    user = User.objects.filter(uuid=by_uuid).first() if by_uuid else None
    if by_uuid and user is None and Record.objects.filter(kind=Person.kind, object_id=by_uuid.hex).exists():
        return person(by_uuid)
    user = user or User.objects.filter(username=text).first()
    if user is None and text.isdecimal() and len(text) <= _LONGEST_ID:
        user = User.objects.filter(pk=int(text)).first()
    if user is None:
        raise CommandError(f"there is no user {text!r}; give {HELP}")
    if user.is_superuser:
        raise CommandError(f"{user.username} is an operator, and operators are not sent to any target")
    return person(user.uuid)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
