"""The one write of a case: with Django's signals, or behind their back."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.db import OperationalError, transaction

from syncproject.demo.stack import TARGET
from thirdparty import store
from users import services, synced
from users.models import User

BEFORE = "as prepared"
AFTER = "as written"
WHILE_FROZEN = "as written while a worker was frozen"
_PATIENCE_SECONDS = 20.0


def person(user_uuid: UUID, name: str) -> User:
    """A new person, not saved; the username comes from the uuid."""
    user = User(uuid=user_uuid, username=username(user_uuid), name=name, phone=str(user_uuid.int)[:11])
    user.set_unusable_password()
    return user


def username(user_uuid: UUID) -> str:
    return f"crash-{user_uuid.hex[:12]}"


def write(operation: str, user_uuid: UUID) -> None:
    """Through the models and services, as the application does."""
    if operation == "add":
        person(user_uuid, AFTER).save()
    elif operation == "update":
        services.update_user(user_uuid, name=AFTER)
    else:
        services.delete_user(user_uuid)


def write_silently(operation: str, user_uuid: UUID) -> None:
    """Past ``save()`` and its signals: only the reconciler can find it."""
    users: Any = User.objects.filter(uuid=user_uuid)
    if operation == "add":
        User.objects.bulk_create([person(user_uuid, AFTER)])
    elif operation == "update":
        users.update(name=AFTER)
    else:
        users._raw_delete(users.db)


def write_in_question(operation: str, user_uuid: UUID) -> None:
    """As `write_silently`, of a record that a person has had looked at: it is read back before anything is written to it."""
    with transaction.atomic():
        store.look_now([synced.person(user_uuid).key(TARGET)])
        write_silently(operation, user_uuid)


def attempted(work: Callable[[], object]) -> bool:
    """Write; False where somebody has the database in their hands."""
    try:
        work()
    except OperationalError:
        return False
    return True


def insist(work: Callable[[], object]) -> None:
    """Write, again and again if need be. Raises `TimeoutError`."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not attempted(work):
        if time.monotonic() > deadline:
            raise TimeoutError("somebody has the database in their hands and does not let go")
