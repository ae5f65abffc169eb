"""A user as a target is to hold them. Pure: what it needs of the database is read by `push`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol
from uuid import UUID

from thirdparty.connectors.base import RemoteUser


class Person(Protocol):
    """What is read of a user: `users.models.User`, or as much of one."""

    @property
    def uuid(self) -> UUID: ...
    @property
    def name(self) -> str: ...
    @property
    def phone(self) -> str: ...
    @property
    def email(self) -> str: ...
    @property
    def is_active(self) -> bool: ...
    @property
    def is_superuser(self) -> bool: ...


class Unmappable(Exception):
    """This user cannot be expressed at the target until a person changes something.

    ``reason`` is a short word, ``message`` a sentence without personal details.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(reason, message)
        self.reason = reason
        self.message = message


def wanted(user: Person | None, *, natural_key: str, roles: Mapping[str, str | None]) -> RemoteUser | None:
    """What the target is to hold for ``user``; None when it is to hold nothing.

    ``natural_key``: the name the target knows, whatever the local one is now.
    ``roles``: the user's groups by name, with the target's role id of each, None where unmapped.
    Raises `Unmappable` for a group without a role id.
    """
    if user is None or not user.is_active or user.is_superuser:
        return None
    unmapped = sorted(group for group, role_id in roles.items() if role_id is None)
    if unmapped:
        raise Unmappable(
            "unmapped_role", f"no role of the target is mapped for {', '.join(repr(group) for group in unmapped)}"
        )
    return RemoteUser(
        external_id=str(user.uuid),
        username=natural_key,
        name=user.name,
        phone=user.phone,
        email=user.email,
        role_ids=tuple(sorted(role_id for role_id in roles.values() if role_id is not None)),
    )


def nobody(external_id: str, natural_key: str) -> RemoteUser:
    """The bare record of a user who is gone: for an add repeated only to learn what it had created."""
    return RemoteUser(external_id=external_id, username=natural_key, name=natural_key, phone="", email="", role_ids=())
