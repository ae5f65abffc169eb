"""Who may see records, and who may decide about them. Asked by API, admin and command line alike.

The rights are Django's permissions, those of the models (`Meta.permissions`) among them, of active staff only. What else an
application forbids is its own business.
"""

from __future__ import annotations

from enum import Enum, StrEnum
from typing import Any, Protocol

from django.core.exceptions import PermissionDenied


class Acting(Enum):
    """Whoever acts without an account."""

    OPERATOR = "operator"


OPERATOR = Acting.OPERATOR
"""Who has a shell, or writes code here, could do anything in the database anyway: the command line, tasks."""


class Person(Protocol):
    """What is asked of an account, of whatever user model. One without ``is_staff`` is nobody's staff."""

    @property
    def is_active(self) -> Any: ...

    def has_perm(self, perm: str) -> bool: ...


Account = Person | Acting


class Right(StrEnum):
    """Permissions by the name that `has_perm` takes: one for each thing that people do, so that each can be given alone."""

    VIEW_RECORDS = "thirdparty.view_record"
    DECIDE = "thirdparty.decide_record"
    RELEASE = "thirdparty.release_brake"
    VIEW_TARGETS = "thirdparty.view_target"
    PAUSE = "thirdparty.pause_target"


SEE_RECORDS = (Right.VIEW_RECORDS, Right.DECIDE, Right.RELEASE)
"""Any of them is enough: who may do something about records may see them."""
SEE_TARGETS = (Right.VIEW_TARGETS, Right.PAUSE)


class NotAllowed(PermissionDenied):
    """This account may not do that. ``permission``: which it would take; empty where only an operator may."""

    def __init__(self, message: str, permission: str = "") -> None:
        super().__init__(message)
        self.permission = permission


def name(by: Account) -> str:
    """The account's; empty for an operator without one."""
    return "" if isinstance(by, Acting) else str(getattr(by, "get_username", lambda: by)())


def is_staff(by: Account) -> bool:
    """Whether this account is let in at all."""
    return isinstance(by, Acting) or bool(by.is_active and getattr(by, "is_staff", False))


def holds(by: Account, *any_of: str) -> bool:
    """Whether this account has one of these rights."""
    if isinstance(by, Acting):
        return True
    return is_staff(by) and any(by.has_perm(right) for right in any_of)


def require(by: Account, *any_of: str) -> None:
    """Raise `NotAllowed`, naming the first of these rights, unless the account has one of them."""
    if not holds(by, *any_of):
        raise NotAllowed(f"This takes the permission {any_of[0]}.", any_of[0])
