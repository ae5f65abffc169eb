"""What targets are to hold of people."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import CharField, OuterRef, Q, Value
from django.db.models.functions import Cast, Replace

from thirdparty.connectors.identity import as_uuid
from thirdparty.declaration import PerTarget, Synced, of_kind, register
from thirdparty.models.ref import Ref
from users.models import User


@register
class Person(Synced[User]):
    identity = "uuid"
    key = "username"
    watch = ("username", "name", "phone", "email", "is_active", "groups", PerTarget("groups__role_mappings", "target"))
    scope = Q(is_superuser=False)

    def external_id(self, object_id: str) -> str:
        """A person's uuid, with dashes."""
        return str(UUID(object_id))

    def object_id(self, external_id: str) -> str | None:
        uuid = as_uuid(external_id)
        return uuid.hex if uuid is not None else None


def person(uuid: UUID) -> Ref:
    """The person of this uuid, to the engine."""
    return of_kind(Person.kind).ref(uuid)


def of_outer_person() -> dict[str, Any]:
    """The conditions under which a record is of the person of the query around a subquery of records."""
    return {"kind": Person.kind, "object_id": Replace(Cast(OuterRef("uuid"), CharField()), Value("-"), Value(""))}
