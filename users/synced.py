"""What targets are to hold of people: their fields, who is to be there, and in which roles."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, ClassVar
from uuid import UUID

from django.db.models import CharField, OuterRef, Q, Value
from django.db.models.functions import Cast, Replace
from django.utils.translation import gettext as _

from thirdparty.connectors.identity import as_uuid
from thirdparty.declaration import AtTarget, PerTarget, Synced, Unmappable, of_kind, register
from thirdparty.models.ref import Ref
from users.models import RoleMapping, User

FIELDS = ("name", "phone", "email")
"""What of a person is the same at every target."""


@register
class Person(Synced[User]):
    """A person, but for operators; nobody while inactive. Known by the uuid for ever, and there by the username."""

    identity = "uuid"
    key = "username"
    watch = ("username", *FIELDS, "is_active", "groups__name", PerTarget("groups__role_mappings", "target"))
    scope = Q(is_superuser=False)
    match = ("phone",)
    remedies: ClassVar[Mapping[str, str]] = {"unmapped_role": "admin:users_rolemapping_changelist"}

    def external_id(self, object_id: str) -> str:
        """A person's uuid, with dashes."""
        return str(UUID(object_id))

    def object_id(self, external_id: str) -> str | None:
        uuid = as_uuid(external_id)
        return uuid.hex if uuid is not None else None

    def payload(self, obj: User, target: AtTarget) -> Mapping[str, Any] | None:
        if not obj.is_active:
            return None
        roles = {group.name: _role(group.role_mappings.all(), target) for group in obj.groups.all()}
        return _payload({name: getattr(obj, name) for name in FIELDS}, roles)

    def why_absent(self, obj: User) -> str:
        return "" if obj.is_active else _("the person is inactive")

    def candidate(self, values: Mapping[str, Any], target: AtTarget) -> Mapping[str, Any] | None:
        if not values["is_active"]:
            return None
        mappings = RoleMapping.objects.filter(target=target.name, group__name__in=values["groups"])
        mapped = dict(mappings.values_list("group__name", "remote_role_id"))
        return _payload({name: values[name] for name in FIELDS}, {name: mapped.get(name) for name in values["groups"]})

    def hold(self, values: Mapping[str, Any]) -> None:
        mappings = RoleMapping.objects.select_for_update(of=("self",))
        list(mappings.filter(group__name__in=values.get("groups", ())).order_by("pk"))


def person(uuid: UUID) -> Ref:
    """The person of this uuid, to the engine."""
    return of_kind(Person.kind).ref(uuid)


def of_outer_person() -> dict[str, Any]:
    """The conditions under which a record is of the person of the query around a subquery of records."""
    return {"kind": Person.kind, "object_id": Replace(Cast(OuterRef("uuid"), CharField()), Value("-"), Value(""))}


def _role(mappings: Collection[RoleMapping], target: AtTarget) -> str | None:
    return next((mapping.remote_role_id for mapping in mappings if mapping.target == target.name), None)


def _payload(fields: Mapping[str, Any], roles: Mapping[str, str | None]) -> Mapping[str, Any]:
    """``roles``: the target's role id of each group, by the group's name; None where it is unmapped."""
    unmapped = sorted(group for group, role_id in roles.items() if role_id is None)
    if unmapped:
        listed = ", ".join(repr(group) for group in unmapped)
        message = _("no role of the target is mapped for %(groups)s") % {"groups": listed}
        raise Unmappable("unmapped_role", message)
    return {**fields, "role_ids": sorted(role_id for role_id in roles.values() if role_id is not None)}
