"""A target's settings, read from the environment and checked before anything starts."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from django.core.exceptions import AppRegistryNotReady, ImproperlyConfigured

from thirdparty.connectors import registry
from thirdparty.connectors.base import Capabilities, Connector
from thirdparty.connectors.http import address
from thirdparty.connectors.http.proxy import Proxy
from thirdparty.connectors.leaving import Leaving, OnLeave
from thirdparty.connectors.options import REQUIRED, Option

DEFAULT_CONNECTOR = "landcloud"
DIRECT = "direct"
"""As ``TARGET_X_PROXY``: no proxy, whatever the environment says, and no warning about it."""
ADOPTION_POLICIES = ("match", "trust", "never")
REPORT, MEND = "report", "mend"
MOST_DAYS = 36_500.0
_TARGET_NAME = re.compile(r"[a-z][a-z0-9_]{0,29}")


@dataclass(frozen=True, slots=True)
class TargetConfig:
    """One target, as configured. Durations are in seconds; secrets never show in ``repr``.

    ``options``: the connector's own settings, by their names.

    ``visibility_seconds``: how long an unanswered request may still take effect.
    ``rate_per_second``: None means unlimited.
    ``adopt``: whose record an existing one of the same natural key is (PROTOCOL 7).
    ``leaving``: what becomes of the records whose objects leave.
    ``audit``: whether a scheduled audit only reports, or mends.
    ``keep_alive``: whether a connection may serve several calls. ``proxy``: the way there; None is the direct one,
    which is meant where ``direct``.
    """

    name: str
    connector: str
    base_url: str
    options: Mapping[str, Any] = field(default_factory=dict, repr=False, hash=False)
    capabilities: Capabilities = field(default_factory=Capabilities)
    timeout_seconds: float = 10.0
    visibility_seconds: float = 60.0
    rate_per_second: float | None = None
    adopt: str = "match"
    leaving: Leaving = field(default_factory=Leaving)
    audit: str = REPORT
    ca_bundle: str = ""
    client_cert: str = ""
    keep_alive: bool = True
    proxy: Proxy | None = None
    direct: bool = False


def load_targets(env: Mapping[str, str]) -> dict[str, TargetConfig]:
    """Every target named in ``SYNC_TARGETS``, in that order.

    Raises `ImproperlyConfigured`, naming the setting at fault and how to mend it.
    """
    names = _listed(env.get("SYNC_TARGETS", ""))
    for name in names:
        if not _TARGET_NAME.fullmatch(name):
            raise ImproperlyConfigured(
                f"SYNC_TARGETS: {name!r} is no target name; use a lower-case letter, then lower-case letters, "
                "digits or underscores, 30 at most, e.g. SYNC_TARGETS=partner"
            )
        if names.count(name) > 1:
            raise ImproperlyConfigured(f"SYNC_TARGETS names {name!r} twice")
    return {name: _Reader(env, name).target() for name in names}


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


class _Reader:
    """Reads one target's settings; every complaint names the setting."""

    def __init__(self, env: Mapping[str, str], name: str) -> None:
        self.env = env
        self.name = name
        self.prefix = f"TARGET_{name.upper()}_"

    def target(self) -> TargetConfig:
        connector = self.text("CONNECTOR") or DEFAULT_CONNECTOR
        kind = self.connector_class(connector)
        return TargetConfig(
            name=self.name,
            connector=connector,
            base_url=self.base_url(),
            options={option.name: self.option(option, connector) for option in kind.declared_options()},
            capabilities=self.capabilities(kind),
            timeout_seconds=self.seconds("TIMEOUT_SECONDS", 10.0),
            visibility_seconds=self.seconds("VISIBILITY_SECONDS", 60.0),
            rate_per_second=self.rate(),
            adopt=self.choice("ADOPT", ADOPTION_POLICIES, default="match"),
            leaving=self.leaving(kind, connector),
            audit=self.choice("AUDIT", (REPORT, MEND), default=REPORT),
            ca_bundle=self.existing_file("CA_BUNDLE"),
            client_cert=self.existing_file("CLIENT_CERT"),
            keep_alive=self.flag("KEEP_ALIVE", default=True),
            proxy=self.proxy(),
            direct=self.text("PROXY") == DIRECT,
        )

    def fail(self, setting: str, complaint: str) -> ImproperlyConfigured:
        return ImproperlyConfigured(f"{self.prefix}{setting} {complaint}")

    def text(self, setting: str) -> str:
        return self.env.get(self.prefix + setting, "").strip()

    def required(self, setting: str, meaning: str) -> str:
        value = self.text(setting)
        if not value:
            raise self.fail(setting, f"is not set: {meaning}")
        return value

    def choice(self, setting: str, allowed: tuple[str, ...], *, default: str) -> str:
        value = self.text(setting) or default
        if value not in allowed:
            raise self.fail(setting, f"is {value!r}; use one of {', '.join(allowed)}")
        return value

    def seconds(self, setting: str, default: float) -> float:
        text = self.text(setting)
        if not text:
            return default
        try:
            value = float(text)
        except ValueError:
            value = -1.0
        if not 0 < value < float("inf"):
            raise self.fail(setting, f"is {text!r}; use a number of seconds above 0, e.g. {default:g}")
        return value

    def flag(self, setting: str, *, default: bool = False) -> bool:
        text = self.text(setting).lower()
        if not text:
            return default
        if text in ("0", "false", "no", "off"):
            return False
        if text in ("1", "true", "yes", "on"):
            return True
        raise self.fail(setting, f"is {text!r}; use true or false")

    def connector_class(self, name: str) -> type[Connector]:
        try:
            return registry.connector_class(name)
        except registry.UnknownConnector as unknown:
            raise self.fail("CONNECTOR", str(unknown)) from unknown
        except AppRegistryNotReady as early:
            raise self.fail(
                "CONNECTOR",
                f"is {name!r}, whose module needs models when it is imported; import them where they are used",
            ) from early

    def option(self, option: Option, connector: str) -> Any:
        setting, text = option.name.upper(), self.text(option.name.upper())
        if not text:
            if option.default is REQUIRED:
                raise self.fail(
                    setting,
                    f"is not set: {option.meaning} (connector {connector}; {self.prefix}CONNECTOR names another)",
                )
            return option.default
        try:
            return option.read(text)
        except ValueError as wrong:
            raise self.fail(setting, str(wrong)) from None

    def base_url(self) -> str:
        url = self.required("BASE_URL", "where the third party is, e.g. https://partner.example/api")
        try:
            parts = address.base_url(url)
        except address.BadAddress as bad:
            raise self.fail("BASE_URL", str(bad)) from None
        if parts.scheme == "http" and not self.flag("ALLOW_HTTP"):
            raise self.fail(
                "BASE_URL", f"is not https; set {self.prefix}ALLOW_HTTP=true if this network may see people's details"
            )
        return url.rstrip("/")

    def proxy(self) -> Proxy | None:
        """The proxy on the way; the environment's HTTPS_PROXY is not read (decision 0020)."""
        url = self.text("PROXY")
        if url in ("", DIRECT):
            return None
        try:
            return address.proxy(url)
        except address.BadAddress as bad:
            raise self.fail("PROXY", str(bad)) from None

    def capabilities(self, kind: type[Connector]) -> Capabilities:
        """What the target offers; ``none`` stands for nothing where the connector takes more for granted."""
        text = self.text("CAPABILITIES")
        if not text:
            return kind.capabilities
        supported = [item.name for item in fields(Capabilities) if getattr(kind.supports, item.name)]
        chosen = [] if text == "none" else _listed(text)
        for word in chosen:
            if word not in supported:
                raise self.fail(
                    "CAPABILITIES", f"names {word!r}; use any of {', '.join(supported) or 'none'}, or none"
                )
        return Capabilities(**dict.fromkeys(chosen, True))

    def leaving(self, kind: type[Connector], connector: str) -> Leaving:
        on_leave = OnLeave(self.choice("ON_LEAVE", tuple(OnLeave), default=OnLeave.DELETE))
        if on_leave is OnLeave.DEACTIVATE and not kind.can_deactivate():
            raise self.fail(
                "ON_LEAVE",
                f"is {on_leave.value!r}, and connector {connector} cannot deactivate a record whose object is gone; "
                f"use {OnLeave.DELETE} (with {self.prefix}ON_LEAVE_DELETE_AFTER_DAYS, if they are to stay for a while) "
                f"or {OnLeave.LEAVE}",
            )
        return Leaving(on_leave, self.days_until_deleted(on_leave))

    def days_until_deleted(self, on_leave: OnLeave) -> float | None:
        setting = "ON_LEAVE_DELETE_AFTER_DAYS"
        text = self.text(setting)
        if not text:
            return None
        if on_leave is OnLeave.LEAVE:
            raise self.fail(
                setting, f"is set, and {self.prefix}ON_LEAVE says that nothing is deleted; use {OnLeave.DELETE} there"
            )
        try:
            days = float(text)
        except ValueError:
            days = -1.0
        if not 0 < days <= MOST_DAYS:
            raise self.fail(setting, f"is {text!r}; use a number of days above 0, {MOST_DAYS:g} at most, e.g. 30")
        return days

    def rate(self) -> float | None:
        text = self.text("RATE")
        if not text:
            return None
        match = re.fullmatch(r"(\d+(?:\.\d+)?)/s", text)
        if not match or float(match[1]) <= 0:
            raise self.fail("RATE", f"is {text!r}; use requests per second, e.g. 50/s")
        return float(match[1])

    def existing_file(self, setting: str) -> str:
        path = self.text(setting)
        if path and not (Path(path).is_file() and os.access(path, os.R_OK)):
            raise self.fail(setting, f"is {path!r}, which is no readable file")
        return path
