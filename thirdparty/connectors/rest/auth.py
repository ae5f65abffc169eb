"""How a REST partner is told who calls: the settings that this takes, and the header that it makes."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from thirdparty.connectors.options import Option


class Auth(Protocol):
    """``options`` are read for each target; ``headers`` gets their values."""

    @property
    def options(self) -> tuple[Option, ...]: ...
    def headers(self, options: Mapping[str, Any]) -> dict[str, str]: ...


@dataclass(frozen=True, slots=True)
class NoAuth:
    """Nobody is asked for (a partner on a private network, or a client certificate)."""

    options: ClassVar[tuple[Option, ...]] = ()

    def headers(self, options: Mapping[str, Any]) -> dict[str, str]:  # noqa: ARG002  # `Auth`
        return {}


@dataclass(frozen=True, slots=True)
class Bearer:
    """``Authorization: Bearer …`` (RFC 6750), from ``TARGET_X_TOKEN``."""

    options: ClassVar[tuple[Option, ...]] = (
        Option("token", "the token that the third party issued to you", is_credential=True),
    )

    def headers(self, options: Mapping[str, Any]) -> dict[str, str]:
        return {"Authorization": f"Bearer {options['token']}"}


@dataclass(frozen=True, slots=True)
class Basic:
    """``Authorization: Basic …`` (RFC 7617), from ``TARGET_X_USERNAME`` and ``TARGET_X_PASSWORD``."""

    options: ClassVar[tuple[Option, ...]] = (
        Option("username", "the name under which the third party knows you", is_credential=True),
        Option("password", "the password of that name", is_credential=True),
    )

    def headers(self, options: Mapping[str, Any]) -> dict[str, str]:
        credentials = f"{options['username']}:{options['password']}".encode()
        return {"Authorization": f"Basic {b64encode(credentials).decode()}"}


@dataclass(frozen=True, slots=True)
class HeaderAuth:
    """A header of the partner's own, such as ``X-Api-Key``, from ``TARGET_X_TOKEN``."""

    name: str
    options: ClassVar[tuple[Option, ...]] = Bearer.options

    def headers(self, options: Mapping[str, Any]) -> dict[str, str]:
        return {self.name: options["token"]}
