"""Who may do what to people. The one place for API, admin, files, decisions and the command line.

The rights are Django's permissions, of active staff only, as those over records are (`thirdparty.permissions`). On
top of them: accounts that may log in here are changed by operators (superusers) alone, and nobody puts a person into a
group that permits what they may not do themselves.
"""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum

from django.contrib.auth.models import AnonymousUser, Group, Permission
from django.utils.translation import gettext as _

from thirdparty.permissions import OPERATOR, Acting, NotAllowed, holds, require
from users.models import User

__all__ = [
    "OPERATOR", "SEE_PEOPLE", "Account", "Acting", "NotAllowed", "Right", "holds", "is_operator", "may_issue", "may_touch",
    "require", "require_grant", "require_issue", "require_touch",
]  # fmt: skip
Account = User | AnonymousUser | Acting


class Right(StrEnum):
    """Permissions over people, by the name that `has_perm` takes."""

    VIEW = "users.view_user"
    ADD = "users.add_user"
    CHANGE = "users.change_user"
    DELETE = "users.delete_user"
    IMPORT = "users.import_user"
    ISSUE_TOKENS = "users.issue_token"


SEE_PEOPLE = (Right.VIEW, Right.CHANGE)
"""Either is enough, as in Django's admin."""


def may_touch(by: Account, user: User) -> bool:
    """Whether this account may change or delete that one, as far as it depends on whose it is."""
    return is_operator(by) or not (user.is_staff or user.is_superuser)


def require_touch(by: Account, user: User) -> None:
    """Raise `NotAllowed` unless `may_touch`."""
    if not may_touch(by, user):
        raise NotAllowed(_("An account that may log in here is changed by operators only."))


def may_issue(by: Account, user: User) -> bool:
    """Whether this account may have the key of that one: a key is its account, so only operators have that of another."""
    return is_operator(by) or (holds(by, Right.ISSUE_TOKENS) and by == user)


def require_issue(by: Account, user: User) -> None:
    """Raise `NotAllowed` unless `may_issue`."""
    require(by, Right.ISSUE_TOKENS)
    if not may_issue(by, user):
        raise NotAllowed("A key is its account: the key of another account is issued by operators only.")


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
        listed = ", ".join(sorted({repr(name) for name, _codename in beyond}))
        sentence = _("You cannot put anybody into %(groups)s: it permits what you may not do.") % {"groups": listed}
        raise NotAllowed(sentence, beyond[0][1])


def is_operator(by: Account) -> bool:
    """Whether nothing is kept from this account."""
    return isinstance(by, Acting) or (by.is_active and by.is_superuser)
