"""A user as a target is to hold them. Pure: what it needs of the database is read by `push`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol
from uuid import UUID

from thirdparty.connectors.base import RemoteObject

MATCH_ON = ("phone",)
"""What has to agree for a record that was at the target before to be a user's (``ADOPT=match``)."""


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


def wanted(user: Person | None, *, natural_key: str, roles: Mapping[str, str | None]) -> RemoteObject | None:
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
    return RemoteObject(
        external_id=str(user.uuid),
        key=natural_key,
        payload={
            "name": user.name,
            "phone": user.phone,
            "email": user.email,
            "role_ids": sorted(role_id for role_id in roles.values() if role_id is not None),
        },
    )
