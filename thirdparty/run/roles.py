"""What groups are called at a target."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from users.models import RoleMapping


def roles_at(target_name: str, groups: Collection[str]) -> Mapping[str, str | None]:
    """The target's role id of each of these groups by the group's name; None where it is unmapped."""
    names = list(groups)
    if not names:
        return {}
    mapped = dict(
        RoleMapping.objects.filter(target=target_name, group__name__in=names).values_list(
            "group__name", "remote_role_id"
        )
    )
    return {name: mapped.get(name) for name in names}


def hold(groups: Collection[str]) -> None:
    """Keep what these groups are called at the targets as it is until the transaction ends."""
    list(RoleMapping.objects.select_for_update(of=("self",)).filter(group__name__in=groups).order_by("pk"))
