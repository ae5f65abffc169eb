"""Who gets in: the key of an account."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import TokenAuthentication
from rest_framework.request import Request


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
