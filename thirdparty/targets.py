"""The configured targets: their settings, their connectors, their rows."""

from __future__ import annotations

import logging
import os
from functools import cache
from typing import Any

from django.db.models import F
from django.db.models.functions import Coalesce, Now

from thirdparty.connectors.base import Connector
from thirdparty.connectors.config import TargetConfig
from thirdparty.connectors.registry import connector_class
from thirdparty.decide.sample import is_chosen
from thirdparty.declaration.registry import declared_for
from thirdparty.models.key import kind_of
from thirdparty.models.target import FENCE_TO_DRAW, Target
from thirdparty.settings import settings

logger = logging.getLogger(__name__)


def names() -> list[str]:
    """The targets named in settings, in their order."""
    return list(settings.SYNC_TARGETS)


def config(name: str) -> TargetConfig:
    """One target's settings. Raises `KeyError` for a name that settings do not hold."""
    return settings.SYNC_TARGETS[name]


def connector(name: str, kind: str) -> Connector:
    """The connector of a target for the objects of this kind, made once per process: pooled sockets must not cross a fork."""
    return _connector(config(name), kind, os.getpid())


def any_connector(name: str) -> Connector:
    """The connector of the kind that is declared first: for what is asked about the target and no record."""
    return connector(name, next(declaration.kind for declaration in declared_for(name)))


@cache
def _connector(target: TargetConfig, kind: str, _pid: int) -> Connector:
    return connector_class(target.connector)(target, kind)


def publish_rows() -> None:
    """Make the Target rows agree with settings: those named are active, all others are away at most.

    A target that is not named here goes on being owed: one command from a shell without the variable must not
    lose what is changed meanwhile. Only `retire` ends that.
    """
    take_up()
    for name in Target.objects.filter(enabled=True).exclude(name__in=names()).values_list("name", flat=True):
        if Target.objects.filter(name=name, enabled=True).update(enabled=False):
            logger.warning(
                "target %s is away, as SYNC_TARGETS does not name it here: changes are owed, not sent", name
            )


def take_up() -> None:
    """Make the targets that settings name active. One that is new, or was retired, is owed everything first.

    One that was retired may hold what it was sent then: that is looked for where it can be.
    """
    wanted = names()
    present = {target.name: target for target in Target.objects.filter(name__in=wanted)}
    Target.objects.bulk_create([Target(name=name) for name in wanted if name not in present], ignore_conflicts=True)
    for name, target in present.items():
        if target.retired:
            Target.objects.filter(name=name, retired=True).update(
                enabled=True, retired=False, held_before=True, **_as_new()
            )
        elif not target.enabled:
            # It was owed all the time: nothing has to be caught up.
            Target.objects.filter(name=name, retired=False).update(enabled=True)


def retire(name: str) -> bool:
    """Nothing is owed to this target from now on. Its records are still there. False where there is none."""
    return bool(Target.objects.filter(name=name).update(enabled=False, retired=True))


def owe_anew(name: str | None = None, *, using: str | None = None) -> None:
    """Changes of records of this target, or of every target, may have gone unrecorded: owe all once more, in batches."""
    behind = Target.objects.using(using).filter(retired=False)
    if name is not None:
        behind = behind.filter(name=name)
    behind.update(unrecorded=True, behind_since=Coalesce("behind_since", Now()), **from_the_first())


def owe_raised(kind: str, *, using: str) -> None:
    """The declaration of this kind has a new version: owe its records at every target once more, in batches.

    Where SYNC_TRIAL_PERCENT says so, so many of them at first, and the rest when a person lets them go (`end_trial`).
    If records are being owed for another reason, that begins anew, for both. Call in the transaction that writes the version.
    """
    behind = Target.objects.using(using).filter(retired=False)
    percent = settings.SYNC_TRIAL_PERCENT or None
    for target in behind.select_for_update().order_by("name"):
        behind.filter(name=target.name).update(
            raised={**target.raised, kind: percent},
            trial_since=Now() if percent is not None else F("trial_since"),
            behind_since=Coalesce("behind_since", Now()),
            **from_the_first(),
        )
        if percent is not None and (target.unrecorded or target.backfill):
            logger.warning(
                "target %s: the new version of %s is sent for all records, not tried on %g %%: changes may have gone unrecorded, "
                "or a backfill is under way", target.name, kind, percent,
            )  # fmt: skip


def on_trial(target: Target) -> dict[str, float]:
    """Of which kinds this target is owed a sample alone, since their declarations have new versions: so many per cent."""
    if target.retired or target.unrecorded or target.backfill:
        return {}
    return {kind: percent for kind, percent in target.raised.items() if percent is not None}


def is_kept_back(target: Target, key: str) -> bool:
    """Whether this record waits for a person, since its kind is on trial and it is not in the sample."""
    return not is_chosen(key, kind_of(key), on_trial(target))


def end_trial(name: str) -> bool:
    """The new versions are good: owe the rest of their kinds' records at this target. False where none is on trial.

    Call in a transaction.
    """
    target = Target.objects.select_for_update().filter(name=name).first()
    if target is None or not on_trial(target):
        return False
    Target.objects.filter(name=name).update(
        raised=dict.fromkeys(target.raised), behind_since=Coalesce("behind_since", Now()), **from_the_first()
    )
    return True


def begin_backfill(name: str) -> None:
    """What this target holds may be gone, or be what it was long ago: owe all records once more, in batches.

    If that is under way for another reason, it begins anew, for both.
    """
    behind = Target.objects.filter(name=name, retired=False)
    behind.update(backfill=True, behind_since=Coalesce("behind_since", Now()), **from_the_first())


def from_the_first() -> dict[str, Any]:
    """The columns of a target whose records and objects are all to be looked at, from the first on."""
    return {**_nowhere(), "owing_to": ""}


def _nowhere() -> dict[str, Any]:
    return {
        "owing_to": None,
        "owing_left": [],
        "swept": False,
        "swept_to": "",
        "swept_left": [],
        "round": F("round") + 1,
    }


def _as_new() -> dict[str, Any]:
    return {
        "fence": FENCE_TO_DRAW,
        "unrecorded": False,
        "backfill": False,
        "raised": {},
        "behind_since": Now(),
        **_nowhere(),
    }
