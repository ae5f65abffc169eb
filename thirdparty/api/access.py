"""The rights that a request takes (`thirdparty.permissions`)."""

from __future__ import annotations

from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from thirdparty import permissions


class HasRights(BasePermission):
    """Active staff who hold what ``view.takes`` says for the action; raises `NotAllowed`, which names it.

    Asked before anything is read, so that nobody learns from an error what they may not see; the services ask
    again, of things as they are then.
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        account = request.user
        if not account or not permissions.is_staff(account):
            return False
        takes = view.takes.get(getattr(view, "action", request.method))
        if takes:  # a method that there is none of takes nothing: it is refused as that
            permissions.require(account, *takes)
        return True
