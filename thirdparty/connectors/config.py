"""A target's settings, read from the environment and checked before anything starts."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from thirdparty.connectors.base import Capabilities
from thirdparty.connectors.http import address
from thirdparty.connectors.http.proxy import Proxy

CONNECTORS = ("landcloud",)
DIRECT = "direct"
"""As ``TARGET_X_PROXY``: no proxy, whatever the environment says, and no warning about it."""
ADOPTION_POLICIES = ("match", "trust", "never")
LANDCLOUD_PATHS = {
    "add": "/user/add",
    "update": "/user/update",
    "delete": "/user/delete",
    "query": "/user/query",
    "list": "/user/list",
}
_TARGET_NAME = re.compile(r"[a-z][a-z0-9_]{0,29}")


@dataclass(frozen=True, slots=True)
class TargetConfig:
    """One target, as configured. Durations are in seconds; secrets never show in ``repr``.

    ``visibility_seconds``: how long an unanswered request may still take effect.
    ``rate_per_second``: None means unlimited.
    ``adopt``: whose record an existing one of the same username is (PROTOCOL 7).
    ``keep_alive``: whether a connection may serve several calls. ``proxy``: the way there; None is the direct one,
    which is meant where ``direct``.
    """

    name: str
    connector: str
    base_url: str
    app_secret: str = field(repr=False)
    default_password: str = field(repr=False)
    capabilities: Capabilities = field(default_factory=Capabilities)
    timeout_seconds: float = 10.0
    visibility_seconds: float = 60.0
    rate_per_second: float | None = None
    adopt: str = "match"
    ca_bundle: str = ""
    client_cert: str = ""
    keep_alive: bool = True
    proxy: Proxy | None = None
    direct: bool = False
    paths: Mapping[str, str] = field(default_factory=lambda: dict(LANDCLOUD_PATHS), hash=False)


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
        return TargetConfig(
            name=self.name,
            connector=self.choice("CONNECTOR", CONNECTORS, default="landcloud"),
            base_url=self.base_url(),
            app_secret=self.required("APP_SECRET", "the secret that the third party issued to you"),
            default_password=self.required("DEFAULT_PASSWORD", "the first password of a newly added user"),
            capabilities=self.capabilities(),
            timeout_seconds=self.seconds("TIMEOUT_SECONDS", 10.0),
            visibility_seconds=self.seconds("VISIBILITY_SECONDS", 60.0),
            rate_per_second=self.rate(),
            adopt=self.choice("ADOPT", ADOPTION_POLICIES, default="match"),
            ca_bundle=self.existing_file("CA_BUNDLE"),
            client_cert=self.existing_file("CLIENT_CERT"),
            keep_alive=self.flag("KEEP_ALIVE", default=True),
            proxy=self.proxy(),
            direct=self.text("PROXY") == DIRECT,
            paths=self.paths(),
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

    def capabilities(self) -> Capabilities:
        known = [item.name for item in fields(Capabilities)]
        chosen = _listed(self.text("CAPABILITIES"))
        for word in chosen:
            if word not in known:
                raise self.fail("CAPABILITIES", f"names {word!r}; use any of {', '.join(known)}")
        return Capabilities(**dict.fromkeys(chosen, True))

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

    def paths(self) -> dict[str, str]:
        paths = dict(LANDCLOUD_PATHS)
        for item in _listed(self.text("PATHS")):
            call, separator, path = item.partition("=")
            if not separator or call not in paths or not address.is_path(path):
                raise self.fail("PATHS", f"has {item!r}; use CALL=/path with CALL one of {', '.join(paths)}")
            paths[call] = path
        return paths
