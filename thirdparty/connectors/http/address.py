"""Addresses in settings: of a target, and of a proxy on the way to it. Pure; complaints never quote credentials."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, unquote, urlsplit

from thirdparty.connectors.http.proxy import Proxy

# What an HTTP request line can carry; other characters have to be written as %XX, or as xn-- in a name.
_PLAIN = re.compile(r"[\x21-\x7e]*")


class BadAddress(ValueError):
    """The address cannot be used; the message goes on after the setting's name."""


def base_url(url: str) -> SplitResult:
    """Take a target's address apart. Raises `BadAddress`."""
    parts = _split(url, "https://partner.example/api")
    if parts.scheme not in ("http", "https"):
        raise BadAddress("is no http:// or https:// address; use one, e.g. https://partner.example/api")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise BadAddress("must hold no credentials, query or fragment")
    return parts


def endpoint(url: str) -> SplitResult:
    """Take the address apart that something is posted to as it is, path and query included. Raises `BadAddress`."""
    parts = _split(url, "https://hooks.example/alerts")
    if parts.scheme not in ("http", "https"):
        raise BadAddress("is no http:// or https:// address; use one, e.g. https://hooks.example/alerts")
    if parts.username or parts.password or parts.fragment:
        raise BadAddress("must hold no credentials and no fragment")
    return parts


def proxy(url: str) -> Proxy:
    """Read a forward proxy's address, ``http://[user:password@]host:port``. Raises `BadAddress`."""
    parts = _split(url, "http://proxy.example:3128")
    if parts.scheme != "http":
        raise BadAddress("must begin with http://: it is how the proxy itself is spoken to, e.g. http://proxy:3128")
    if parts.port is None or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise BadAddress("must be host and port and nothing behind them, e.g. http://proxy.example:3128")
    credentials = ""
    if parts.username is not None:
        credentials = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return Proxy(parts.hostname or "", parts.port, credentials)


def is_path(text: str) -> bool:
    """Whether this can stand behind a base address."""
    return text.startswith("/") and _PLAIN.fullmatch(text) is not None


def _split(url: str, example: str) -> SplitResult:
    if not _PLAIN.fullmatch(url):
        raise BadAddress("holds a blank, or a character that no address can carry; write it as %XX, or xn-- in a name")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise BadAddress(f"has a host or a port that cannot be; a port is from 1 to 65535, e.g. {example}") from None
    if not parts.hostname or port == 0:
        raise BadAddress(f"is no full address with a host and a port above 0; use e.g. {example}")
    return parts
