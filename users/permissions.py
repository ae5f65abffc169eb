"""Who may do what. The one place for API, admin, files, decisions and the command line.

The rights are Django's model permissions, of active staff only. On top of them: accounts that may log in here
are changed by operators (superusers) alone, and nobody puts a person into a group that permits what they may not do themselves.
"""

from __future__ import annotations

from collections.abc import Collection
from enum import Enum, StrEnum

from django.contrib.auth.models import AnonymousUser, Group, Permission
from django.core.exceptions import PermissionDenied

from users.models import User


class Acting(Enum):
    """Whoever acts without an account."""

    OPERATOR = "operator"


OPERATOR = Acting.OPERATOR
"""Who has a shell, or writes code here, could do anything in the database anyway: the command line, tasks."""
Account = User | AnonymousUser | Acting


class Right(StrEnum):
    """Model permissions by the name that `has_perm` takes."""

    VIEW = "users.view_user"
    ADD = "users.add_user"
    CHANGE = "users.change_user"
    DELETE = "users.delete_user"
    VIEW_RECORDS = "thirdparty.view_record"
    DECIDE = "thirdparty.change_record"


SEE_PEOPLE = (Right.VIEW, Right.CHANGE)
"""Either is enough, as in Django's admin."""
SEE_RECORDS = (Right.VIEW_RECORDS, Right.DECIDE)


class NotAllowed(PermissionDenied):
    """This account may not do that. ``permission``: which it would take; empty where only an operator may."""

    def __init__(self, message: str, permission: str = "") -> None:
        super().__init__(message)
        self.permission = permission


def holds(by: Account, *any_of: Right) -> bool:
    """Whether this account has one of these rights."""
    if isinstance(by, Acting):
        return True
    return by.is_active and by.is_staff and any(by.has_perm(right) for right in any_of)


def require(by: Account, *any_of: Right) -> None:
    """Raise `NotAllowed`, naming the first of these rights, unless the account has one of them."""
    if not holds(by, *any_of):
        raise NotAllowed(f"This takes the permission {any_of[0]}.", any_of[0])


def may_touch(by: Account, user: User) -> bool:
    """Whether this account may change or delete that one, as far as it depends on whose it is."""
    return is_operator(by) or not (user.is_staff or user.is_superuser)


def require_touch(by: Account, user: User) -> None:
    """Raise `NotAllowed` unless `may_touch`."""
    if not may_touch(by, user):
        raise NotAllowed("An account that may log in here is changed by operators only.")


def require_grant(by: Account, groups: Collection[Group]) -> None:
    """Raise `NotAllowed`, naming the groups, where one of them permits what this account may not do."""
    if is_operator(by) or not groups:
        return
    held = set() if isinstance(by, Acting) else by.get_all_permissions()
    granted = Permission.objects.filter(group__in=groups).values_list(
        "content_type__app_label", "codename", "group__name"
    )
    beyond = sorted((name, f"{app}.{codename}") for app, codename, name in granted if f"{app}.{codename}" not in held)
    if beyond:
        listed = ", ".join(sorted({repr(name) for name, _ in beyond}))
        raise NotAllowed(f"You cannot put anybody into {listed}: it permits what you may not do.", beyond[0][1])


def is_operator(by: Account) -> bool:
    """Whether nothing is kept from this account."""
    return isinstance(by, Acting) or (by.is_active and by.is_superuser)
