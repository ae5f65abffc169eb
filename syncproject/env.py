"""Reads of the environment that answer a bad value with the setting's name and a hint."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

_REQUEST_RATE = re.compile(r"[1-9]\d{0,8}/(s|min|hour|day)")
_LOG_FORMATS = ("line", "json")
_SAME_PROTOCOL = {"valkey": "redis", "valkeys": "rediss", "valkey+socket": "redis+socket"}
_PREPARE_THRESHOLD = 5
"""The engine's statements are prepared once a connection has made them so many times."""
_BROKERS = {
    "redis": ("redis", "rediss", "redis+socket", *_SAME_PROTOCOL),
    "sentinel": ("sentinel",),
    "amqp": ("amqp", "amqps", "pyamqp"),
}
"""Of one kind: what speaks one protocol, and can stand in for one another in a list."""


def request_rate(env: environ.Env, name: str, default: str) -> str | None:
    """A rate such as ``100/s`` or ``600/min`` in the form that REST framework reads; None for ``off``."""
    text = env.str(name, default="").strip() or default
    if text == "off":
        return None
    if not _REQUEST_RATE.fullmatch(text):
        raise ImproperlyConfigured(f"{name} is {text!r}; use requests per s, min, hour or day, e.g. {default}, or off")
    return text


def log_format(env: environ.Env, name: str, default: str) -> str:
    """``line`` or ``json``: what one line of the log looks like."""
    text = env.str(name, default="").strip() or default
    if text not in _LOG_FORMATS:
        raise ImproperlyConfigured(f"{name} is {text!r}; use {' or '.join(_LOG_FORMATS)}")
    return text


def broker_url(url: str) -> str:
    """The broker's address, or several as Celery takes them: ``;`` between, tried in turn. Valkey's become Redis', as kombu knows them.

    A message is a hint that may be lost, so any broker will do that reaches other processes and that Flower can show.
    Raises `ImproperlyConfigured` for all others.
    """
    addresses = [address.strip() for address in url.split(";")]
    schemes = {urlsplit(address).scheme for address in addresses}
    if not any(schemes <= set(kind) for kind in _BROKERS.values()):
        known = ", ".join(f"{scheme}://" for kind in _BROKERS.values() for scheme in kind)
        raise ImproperlyConfigured(
            f"CELERY_BROKER_URL must begin with one of {known}; several of one kind may be named, with ; between. "
            "memory:// reaches no other process, and with the rest neither Flower nor `celery inspect` shows a worker"
        )
    return ";".join(_as_kombu_knows_it(address) for address in addresses)


def mail(url: str) -> dict[str, Any]:
    """Django's settings for ``EMAIL_URL``. Raises `ImproperlyConfigured`, quoting nothing of it: it may hold a password."""
    try:
        parsed: dict[str, Any] = environ.Env.email_url_config(url)
    except (ImproperlyConfigured, ValueError):
        raise ImproperlyConfigured(
            "EMAIL_URL cannot be read; use smtp+tls://USER:PASSWORD@HOST:587, smtp+ssl://…:465, smtp://HOST:25 or consolemail://"
        ) from None
    return {name: value for name, value in parsed.items() if value is not None}


def _as_kombu_knows_it(address: str) -> str:
    scheme, separator, rest = address.partition("://")
    return _SAME_PROTOCOL.get(scheme, scheme) + separator + rest


def _prepare_threshold(options: dict[str, Any]) -> int | None:
    text = str(options.get("prepare_threshold", _PREPARE_THRESHOLD))
    if text != "none" and not text.isdecimal():
        raise ImproperlyConfigured(f"DATABASE_URL sets prepare_threshold to {text!r}; use a number, or none")
    return None if text == "none" else int(text)


def database(url: str, *, timeout_seconds: float) -> dict[str, Any]:
    """Django's settings for ``DATABASE_URL``, with the options each database needs under many processes.

    ``timeout_seconds``: the longest that a statement waits for a lock; a lease has to outlive it.
    Raises `ImproperlyConfigured` for anything but postgres://… and sqlite:///path.
    """
    try:
        parsed: dict[str, Any] = environ.Env.db_url_config(url)
    except Exception as error:  # noqa: BLE001  # whatever the parser trips over, the setting is wrong
        raise ImproperlyConfigured(f"DATABASE_URL cannot be read: {type(error).__name__}") from None
    engine = parsed.get("ENGINE", "")
    if engine.endswith("postgresql"):
        given = parsed.get("OPTIONS", {})
        theirs = str(given.get("options", ""))
        if "lock_timeout" in theirs:
            raise ImproperlyConfigured(
                "DATABASE_URL sets lock_timeout in its options; set SYNC_DATABASE_TIMEOUT_SECONDS instead: "
                "the leases are measured by it"
            )
        # Under a stricter isolation, saves that meet a push fail to serialise, whatever this database's default is.
        ours = rf"-c lock_timeout={int(timeout_seconds * 1000)} -c default_transaction_isolation=read\ committed"
        return parsed | {
            "CONN_MAX_AGE": 60,
            "CONN_HEALTH_CHECKS": True,
            "OPTIONS": {"connect_timeout": 5}
            | given
            | {"options": f"{theirs} {ours}".strip(), "prepare_threshold": _prepare_threshold(given)},
        }
    if engine.endswith("sqlite3"):
        return parsed | {
            "CONN_MAX_AGE": None,
            "OPTIONS": parsed.get("OPTIONS", {})
            | {
                # Without IMMEDIATE most write transactions of several processes fail as "locked".
                "transaction_mode": "IMMEDIATE",
                "timeout": timeout_seconds,
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
            },
        }
    raise ImproperlyConfigured("DATABASE_URL must begin with postgres:// or sqlite:///")
