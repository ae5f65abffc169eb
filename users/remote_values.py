"""What a target holds of a person, as values of ours."""

from __future__ import annotations

from collections.abc import Collection

from django.utils.translation import gettext as _

from thirdparty.connectors.base import Payload, RemoteRecord, fields_of
from thirdparty.declaration import CannotAccept, accepts
from users import services
from users.models import RoleMapping, User
from users.permissions import Account
from users.services import PersonValues
from users.synced import Person


@accepts(Person.kind)
def accept(user: User, target: str, found: RemoteRecord, *, by: Account) -> None:
    """Write what a target holds of a person. Raises `CannotAccept`, and as `users.services.update_user`."""
    if user.is_superuser:
        raise CannotAccept(_("The user is an operator, whom no target knows."))
    services.update_user(user.uuid, by=by, **_as_ours(user, target, found.payload))


def _as_ours(user: User, target: str, remote: Payload) -> PersonValues:
    held = fields_of(remote)
    values: PersonValues = {"name": held["name"], "phone": held["phone"], "email": held["email"]}
    present = {group.name for group in user.groups.all()}
    groups = _groups(present, target, set(held["role_ids"]))
    if groups != present:
        values["groups"] = sorted(groups)
    return values


def _groups(present: Collection[str], target: str, reported: Collection[str]) -> set[str]:
    """Only what differs changes: several groups may have one role, and of those without any the target says nothing."""
    role_of = dict(RoleMapping.objects.filter(target=target).values_list("group__name", "remote_role_id"))
    groups = {name for name in present if role_of.get(name) is None or role_of[name] in reported}
    for role in sorted(set(reported) - {role_of.get(name) for name in groups}):
        candidates = sorted(name for name, role_id in role_of.items() if role_id == role)
        if not candidates:
            raise CannotAccept(_("No group here has the target's role %(role)s. Map it first.") % {"role": role})
        if len(candidates) > 1:
            listed = ", ".join(candidates)
            raise CannotAccept(
                _("The target's role %(role)s may be any of the groups %(groups)s. Put the user into one first.")
                % {"role": role, "groups": listed}
            )
        groups.add(candidates[0])
    return groups
