"""Every setting of the engine: name, default, unit, meaning. Nothing else of it reads the environment.

A setting is an attribute of Django's settings where there is one of that name, else a variable of the environment, else
its default. What each target needs (``TARGET_X_…``) is looked up in the same way, and described beside the connectors.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

from django.conf import settings as django_settings
from django.core.signals import setting_changed

from thirdparty.connectors.config import TargetConfig, load_targets
from thirdparty.decide.backoff import Backoff
from thirdparty.decide.sent import HashKey, hash_key
from thirdparty.setting_kinds import ABSENT, Count, Mailboxes, Number, Setting, Share, Switch, Text

_LONGEST_GRACE_SECONDS = 5.0


class Targets(Setting[Mapping[str, TargetConfig]]):
    """Names, as a list or as a text with commas, whose ``TARGET_X_…`` are read; or what was read from them before."""

    def __init__(self, *, meaning: str) -> None:
        super().__init__({}, unit="names", meaning=meaning)

    def accepted(self, given: Any) -> Mapping[str, TargetConfig]:
        if isinstance(given, Mapping):
            return given
        names = ",".join(given) if isinstance(given, list | tuple) else str(given)
        return load_targets({**_Everything(), self.name: names})


class Settings:
    """The engine's settings, each as it is now: tests replace them in Django's settings."""

    SYNC_TARGETS = Targets(
        meaning="the targets: a comma list of names; the settings of each begin with `TARGET_NAME_`"
    )
    SYNC_QUEUE = Text("thirdparty", meaning="the Celery queue of the engine's own tasks")
    SYNC_INSTANCE = Text(
        "",
        meaning="a name of this installation, as `production`: a database that was sent from under another name sends nothing "
        "until a person resumes its targets",
    )
    SYNC_RECONCILE_AFTER_HOURS = Number(1.0, unit="hours", meaning="what is owed for so long is due at once, again")
    SYNC_RECONCILE_EVERY_SECONDS = Number(30.0, unit="seconds", meaning="the period of the reconciler's tick")
    SYNC_RETRY_BACKOFF_SECONDS = Number(
        1.0, unit="seconds", meaning="the first backoff; it doubles with each failed try"
    )
    SYNC_RETRY_BACKOFF_MAX_SECONDS = Number(600.0, unit="seconds", meaning="the longest backoff; at most 900")
    SYNC_RETRY_MAX = Count(
        8, least=0, unit="tries", meaning="tries that Celery makes; beyond, only the reconciler tries, without end"
    )
    SYNC_LEASE_SECONDS = Number(
        60.0,
        unit="seconds",
        meaning="how long a claim holds: at least the longest call + `SYNC_DATABASE_TIMEOUT_SECONDS` + 5",
    )
    SYNC_DATABASE_TIMEOUT_SECONDS = Number(
        20.0, unit="seconds", meaning="the longest wait for a database lock; the database itself has to be told, too"
    )
    SYNC_BREAKER_SECONDS = Number(
        5.0,
        unit="seconds",
        meaning="the first pause of a target whose breaker opened; it doubles with each failed probe",
    )
    SYNC_BREAKER_MAX_SECONDS = Number(300.0, unit="seconds", meaning="the longest such pause")
    SYNC_BRAKE_MIN = Count(
        50,
        least=0,
        unit="records",
        meaning="so many of a target's records may always be deleted, deactivated, emptied or rewritten in the window; "
        "with 0, `SYNC_BRAKE_PERCENT` alone says how many, and with both 0 every such change asks",
    )
    SYNC_BRAKE_PERCENT = Share(
        20.0,
        unit="percent",
        meaning="the same as a share of what the target holds, where that is more; 0: no more than `SYNC_BRAKE_MIN`, "
        "100: the brake never stops anything in the window",
    )
    SYNC_BRAKE_WINDOW_SECONDS = Number(
        3600.0, unit="seconds", meaning="the window in which the brake counts; in a day twice as many may go"
    )
    SYNC_TRIAL_PERCENT = Share(
        0.0,
        unit="percent",
        meaning="a declaration's new version is tried on so many of its records first, and the others follow when a person "
        "says so (`sync trial`); 0: all of them at once",
    )
    SYNC_DRAIN_THREADS = Count(
        32, least=1, unit="calls", meaning="calls that one process has in flight while it drains a backlog"
    )
    SYNC_WAIT_TRIES = Count(
        3, least=1, unit="tries", meaning="tries that a write makes itself that waits for the targets, or is strict"
    )
    SYNC_WAIT_PAUSE_SECONDS = Number(1.0, unit="seconds", meaning="the pause between these tries")
    SYNC_ATTEMPT_RETENTION_DAYS = Number(
        90.0, unit="days", meaning="attempts and confirmed tombstones older than this are pruned"
    )
    SYNC_AUDIT_EVERY_HOURS = Number(
        24.0,
        unit="hours",
        or_zero=True,
        meaning="every record is read back once in so long, where its target can be listed or asked; 0: never by itself",
    )
    SYNC_OBJECTIVE_SECONDS = Number(
        60.0, unit="seconds", meaning="a change is to be acknowledged within so long: what a certificate measures by"
    )
    SYNC_OBJECTIVE_REMOVAL_SECONDS = Number(30.0, unit="seconds", meaning="the same for a removal")
    SYNC_ALERT_EMAILS = Mailboxes(
        meaning="who gets an e-mail when somebody has to act: a comma list; how mail is sent are Django's own settings"
    )
    SYNC_ALERT_WEBHOOK_URL = Text(
        "", meaning="where the same is posted to as JSON, signed by Standard Webhooks; https"
    )
    SYNC_ALERT_WEBHOOK_SECRET = Text(
        "", meaning="the secret that it is signed with: `whsec_` and 24 to 64 random bytes in base64"
    )
    SYNC_ALERT_WEBHOOK_ALLOW_HTTP = Switch(
        False, meaning="allow an http:// address there: for a network of your own, and for tests"
    )
    SYNC_ALERT_AFTER_SECONDS = Number(
        300.0,
        unit="seconds",
        or_zero=True,
        meaning="a reason is told once it has stood for so long, its end once it has been gone for so long; and there is one "
        "message in so long at most; 0: at once",
    )
    SYNC_ALERT_QUIET_SECONDS = Number(
        1800.0, unit="seconds", or_zero=True, meaning="what comes back is not told of again within so long"
    )
    SYNC_ALERT_SITE = Text(
        "", meaning="where people reach the admin, as `https://sync.example.org`: links in alerts begin with it"
    )

    SYNC_CHECK_READS = Switch(
        False,
        meaning="refuse payloads that read what their declaration does not watch: for development and tests",
    )

    def declared(self) -> list[Setting[Any]]:
        """Every setting's declaration, in order."""
        return [item for item in vars(type(self)).values() if isinstance(item, Setting)]

    def require_valid(self) -> None:
        """Raises `ImproperlyConfigured`, naming the first setting that cannot be what it is."""
        for setting in self.declared():
            getattr(self, setting.name)

    def backoff(self) -> Backoff:
        """How failed tries are spaced."""
        return Backoff(
            first_seconds=self.SYNC_RETRY_BACKOFF_SECONDS,
            most_seconds=self.SYNC_RETRY_BACKOFF_MAX_SECONDS,
            tries=self.SYNC_RETRY_MAX,
            grace_seconds=min(_LONGEST_GRACE_SECONDS, self.SYNC_RECONCILE_EVERY_SECONDS),
        )

    def hash_key(self) -> HashKey:
        """The key of what records keep of the values that were sent. Under another secret all of that is not known."""
        return hash_key(django_settings.SECRET_KEY)


class _Everything(Mapping[str, str]):
    """Django's settings and, behind them, the environment, as texts."""

    def __getitem__(self, name: str) -> str:
        given = getattr(django_settings, name, ABSENT)
        if given is ABSENT:
            return os.environ[name]
        return ",".join(given) if isinstance(given, list | tuple) else str(given)

    def __iter__(self) -> Iterator[str]:
        return iter({name for name in (*dir(django_settings), *os.environ) if name.startswith("TARGET_")})

    def __len__(self) -> int:
        return len(list(iter(self)))


settings = Settings()


def _forget(*, setting: str, **_: Any) -> None:
    for each in settings.declared():
        if each.name == setting or (setting.startswith("TARGET_") and isinstance(each, Targets)):
            each.forget()


setting_changed.connect(_forget)
