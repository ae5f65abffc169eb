"""One user as the third party holds them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

_ATTRIBUTES = {
    "username": "username",
    "name": "name",
    "phone": "phone",
    "email": "email",
    "roleIds": "role_ids",
    "externalId": "external_id",
    "version": "version",
}


@dataclass(frozen=True, slots=True)
class Record:
    """One user as the third party holds them."""

    user_id: str
    username: str
    name: str = ""
    phone: str = ""
    email: str = ""
    role_ids: tuple[str, ...] = ()
    external_id: str = ""
    version: int | None = None

    def wire(self) -> dict[str, Any]:
        """The record in the words of the contract."""
        return {
            "userId": self.user_id,
            "username": self.username,
            "name": self.name,
            "phone": self.phone,
            "email": self.email,
            "roleIds": list(self.role_ids),
            "externalId": self.external_id,
            "version": self.version,
        }

    def changed(self, fields: Mapping[str, Any]) -> Record:
        """The same record with ``fields`` (contract words, types already checked) in place; others are ignored."""
        changes = {attribute: fields[word] for word, attribute in _ATTRIBUTES.items() if word in fields}
        if "role_ids" in changes:
            changes["role_ids"] = tuple(changes["role_ids"])
        return replace(self, **changes)
