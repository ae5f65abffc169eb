"""Settings that do not go together, or with what is around."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Error, Warning, register  # noqa: A004  # Django's name
from django.db import connections
from requests.utils import get_environ_proxies, select_proxy

from thirdparty.connectors.config import DIRECT
from thirdparty.decide.brake import DAY
from thirdparty.notify import broker
from thirdparty.settings import settings

LEASE_MARGIN_SECONDS = 5.0
LONGEST_BACKOFF_SECONDS = 900.0


@register()
def durations(**_: Any) -> list[CheckMessage]:
    """A lease outlives the longest call and the longest wait for the database."""
    problems: list[CheckMessage] = []
    database_seconds = settings.SYNC_DATABASE_TIMEOUT_SECONDS
    for target in settings.SYNC_TARGETS.values():
        least = target.timeout_seconds + database_seconds + LEASE_MARGIN_SECONDS
        if least > settings.SYNC_LEASE_SECONDS:
            problems.append(
                Error(
                    f"SYNC_LEASE_SECONDS is {settings.SYNC_LEASE_SECONDS:g}, too short for "
                    f"TARGET_{target.name.upper()}_TIMEOUT_SECONDS = {target.timeout_seconds:g}",
                    hint=f"Make it at least {least:g}: the call, {database_seconds:g} s for the database, "
                    f"{LEASE_MARGIN_SECONDS:g} s of margin.",
                    id="thirdparty.E001",
                )
            )
    if settings.SYNC_RETRY_BACKOFF_MAX_SECONDS > LONGEST_BACKOFF_SECONDS:
        problems.append(
            Error(
                f"SYNC_RETRY_BACKOFF_MAX_SECONDS is {settings.SYNC_RETRY_BACKOFF_MAX_SECONDS:g}",
                hint=f"Make it at most {LONGEST_BACKOFF_SECONDS:g}: brokers redeliver what waits longer.",
                id="thirdparty.E002",
            )
        )
    if settings.SYNC_RETRY_BACKOFF_SECONDS > settings.SYNC_RETRY_BACKOFF_MAX_SECONDS:
        problems.append(
            Error(
                "SYNC_RETRY_BACKOFF_SECONDS is above SYNC_RETRY_BACKOFF_MAX_SECONDS",
                hint="The first delay cannot be longer than the longest.",
                id="thirdparty.E003",
            )
        )
    if settings.SYNC_BREAKER_SECONDS > settings.SYNC_BREAKER_MAX_SECONDS:
        problems.append(
            Error(
                "SYNC_BREAKER_SECONDS is above SYNC_BREAKER_MAX_SECONDS",
                hint="The first pause cannot be longer than the longest.",
                id="thirdparty.E004",
            )
        )
    if DAY.total_seconds() < settings.SYNC_BRAKE_WINDOW_SECONDS:
        problems.append(
            Error(
                f"SYNC_BRAKE_WINDOW_SECONDS is {settings.SYNC_BRAKE_WINDOW_SECONDS:g}, longer than a day",
                hint="Make it at most 86400: in a day twice as many records may go as in the window.",
                id="thirdparty.E007",
            )
        )
    return problems


@register()
def proxies_of_the_environment(**_: Any) -> list[CheckMessage]:
    """A proxy that other programs take from the environment is not taken here; say so, once for each target."""
    return [
        Warning(
            f"The environment names a proxy, and target {target.name!r} is called directly",
            hint=f"HTTPS_PROXY and the like are not read. Set TARGET_{target.name.upper()}_PROXY=http://host:port, "
            f"or ={DIRECT} if the direct way is meant.",
            id="thirdparty.W001",
        )
        for target in settings.SYNC_TARGETS.values()
        if target.proxy is None and not target.direct and _of_environment(target.base_url)
    ]


def _of_environment(base_url: str) -> str | None:
    """Whatever a client that reads the environment would take (``NO_PROXY`` heeded)."""
    return select_proxy(base_url, get_environ_proxies(base_url))


@register()
def celery_application(**_: Any) -> list[CheckMessage]:
    """Somebody carries the engine's tasks: without, no hint is published and no worker takes one."""
    if broker.has_application():
        return [
            Warning(
                f"The Celery application's broker cannot be used: {why}",
                hint="Changes are recorded, and nothing is sent. Correct its broker_url (CELERY_BROKER_URL), or install what that "
                "transport needs.",
                id="thirdparty.W024",
            )
            for why in broker.publisher().unusable
        ]
    return [
        Warning(
            "No Celery application was given to the engine, so nothing is sent",
            hint="Call thirdparty.celery.install(app) where the project makes its Celery application, and import that "
            "module in the project's __init__.py.",
            id="thirdparty.W021",
        )
    ]


@register()
def requests_are_no_transactions(**_: Any) -> list[CheckMessage]:
    """Our own views are exempt; what somebody else's do inside their request's transaction, we cannot know."""
    return [
        Warning(
            f"ATOMIC_REQUESTS is on for the database {alias!r}",
            hint="Strict writes, and those that wait, are refused inside a transaction (thirdparty.consistency.strict."
            "WithinTransaction): mark views that make them with transaction.non_atomic_requests.",
            id="thirdparty.W020",
        )
        for alias in connections
        if connections[alias].settings_dict["ATOMIC_REQUESTS"]
    ]
