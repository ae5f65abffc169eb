"""Who gets in: the key of an account, and the rights that an action takes (`users.permissions`)."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import TokenAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from users import permissions


class KeyAuthentication(TokenAuthentication):
    """``Authorization: Bearer <key>`` (RFC 6750), or ``Token <key>``, as REST framework has it."""

    keyword = "Bearer"

    def authenticate(self, request: Any) -> Any:
        return super().authenticate(request) or TokenAuthentication().authenticate(request)

    def authenticate_header(self, request: Request) -> str:
        return f'{self.keyword} realm="usersync", {TokenAuthentication.keyword} realm="usersync"'


class KeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # the library's
    """How the OpenAPI description says it."""

    target_class = KeyAuthentication
    name = "key"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "The key that `manage.py sync token USERNAME` prints; `Token` in the place of `Bearer` is the same.",
        }


class HasRights(BasePermission):
    """Active staff who hold what ``view.takes`` says for the action; raises `NotAllowed`, which names it.

    Asked before anything is read, so that nobody learns from an error what they may not see; the services ask
    again, of the person as they are then.
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        account = request.user
        if not (account and account.is_active and account.is_staff):
            return False
        takes = view.takes.get(getattr(view, "action", request.method))
        if takes:  # a method that there is none of takes nothing: it is refused as that
            permissions.require(account, *takes)
        return True
