"""Which versions of the declarations the database has, beside those of this process.

Only a process that has the database's version of a declaration works on its objects (`thirdparty.store.current`). `publish` is
`migrate`'s; whoever else differs says so, and leaves that kind to others.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.functions import Now
from django.utils.translation import gettext, gettext_noop

from thirdparty import store, targets
from thirdparty.capture import triggers
from thirdparty.declaration import declared, of_kind
from thirdparty.models import Declaration

_LOOK_AGAIN_SECONDS = 60.0

logger = logging.getLogger(__name__)


class VersionsDiffer(ImproperlyConfigured):
    """This process's declarations are not the database's: what rests on all of them is left to another process."""


def publish(kind: str, *, using: str = DEFAULT_DB_ALIAS) -> None:
    """Have the database know this process's declaration. Call in the transaction that puts its triggers in place.

    So nobody takes the triggers of a version that the database does not know for those of their own: they may not watch
    what theirs do. A version that rose owes the objects of its kind again, in batches (`thirdparty.capture.catch_up`). One
    that the database has a newer version of is left alone.
    """
    version, rows = of_kind(kind).version, Declaration.objects.using(using)
    rows.bulk_create([Declaration(kind=kind, version=version)], ignore_conflicts=True)
    if rows.filter(kind=kind, version__lt=version).update(version=version, since=Now()):
        targets.owe_raised(kind, using=using)
    rows.filter(kind=kind, version=version).update(triggers=triggers.names(connections[using], kind))


def drop_undeclared_triggers(connection: BaseDatabaseWrapper) -> None:
    """Remove the triggers that a declaration left behind which is no more. Raises `thirdparty.capture.triggers.TriggersBusy`.

    Not where this process is older than the database: what it does not know may be new.
    """
    if not _is_older(connection.alias) and (dropped := triggers.drop_undeclared(connection)):
        logger.warning("declared no more, so these triggers are dropped: %s", ", ".join(dropped))


def withdraw(using: str = DEFAULT_DB_ALIAS) -> None:
    """Have the database forget the declarations that are no more. Their records stay as they are, and nobody looks at them."""
    rows = Declaration.objects.using(using)
    kinds = set(rows.values_list("kind", flat=True)) - {each.kind for each in declared()}
    if not kinds or _is_older(using):
        return
    rows.filter(kind__in=kinds).delete()
    while store.leave_alone(kinds):
        pass
    logger.warning("declared no more, so nothing is sent of: %s", ", ".join(sorted(kinds)))


def _is_older(using: str) -> bool:
    here = {each.kind: each.version for each in declared()}
    there = Declaration.objects.using(using).values_list("kind", "version")
    return any(version > here.get(kind, version) for kind, version in there)


@dataclass(frozen=True, slots=True)
class Difference:
    """A kind of which this process (``here``) has another version than the database (``there``); None for none at all."""

    kind: str
    here: int | None
    there: int | None

    @property
    def is_newer(self) -> bool:
        """Whether this process has what the database does not know yet."""
        return self.here is not None and (self.there is None or self.here > self.there)

    def __str__(self) -> str:
        """What an operator is to do about it, for logs."""
        return self._sentence % self._given

    @property
    def in_words(self) -> str:
        """The same in the reader's language."""
        return gettext(self._sentence) % self._given

    @property
    def _sentence(self) -> str:
        if self.here is None:
            return gettext_noop(
                "this process has no declaration of %(kind)s; the database has version %(there)s: restart it, "
                "or run manage.py migrate if it is declared no more"
            )
        if self.there is None:
            return gettext_noop(
                "this process has version %(here)s of %(kind)s; the database has none: run manage.py migrate"
            )
        if self.is_newer:
            return gettext_noop(
                "this process has version %(here)s of %(kind)s; the database has %(there)s: run manage.py migrate"
            )
        return gettext_noop("this process has version %(here)s of %(kind)s; the database has %(there)s: restart it")

    @property
    def _given(self) -> dict[str, Any]:
        return {"kind": self.kind, "here": self.here, "there": self.there}


def differences() -> list[Difference]:
    """What this process has otherwise than the database; nothing for all in order."""
    here = {each.kind: each.version for each in declared()}
    there = dict(Declaration.objects.values_list("kind", "version"))
    return [
        Difference(kind, here.get(kind), there.get(kind))
        for kind in sorted({*here, *there})
        if here.get(kind) != there.get(kind)
    ]


def difference_of(kind: str) -> Difference | None:
    """What this process has otherwise than the database of this kind; None where it may work on its objects."""
    return next((each for each in differences() if each.kind == kind), None)


def require_current() -> None:
    """Raise `VersionsDiffer` where there are `differences`."""
    if differing := differences():
        raise VersionsDiffer(". ".join(map(str, differing)))


class _Log:
    """What has been logged by this process, and when it may look again."""

    def __init__(self) -> None:
        self._logged: set[Difference] = set()
        self._look_at = 0.0

    def note(self, now: float, *, anyway: bool) -> None:
        if now < self._look_at and not anyway:
            return
        self._look_at = now + _LOOK_AGAIN_SECONDS
        for each in differences():
            if each not in self._logged:
                self._logged.add(each)
                logger.warning("%s; until then, this process leaves objects of that kind alone", each)


_log = _Log()


def log_differences(*, anyway: bool = False) -> None:
    """Log each of `differences` once. The database is asked once a minute at most, or ``anyway``."""
    _log.note(time.monotonic(), anyway=anyway)
