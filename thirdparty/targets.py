"""The configured targets: their settings, their connectors, their rows."""

from __future__ import annotations

import os
from functools import cache

from django.conf import settings
from django.db import transaction

from thirdparty.config import TargetConfig
from thirdparty.connector import Connector
from thirdparty.landcloud import LandcloudConnector
from thirdparty.models import Target


def names() -> list[str]:
    """The targets named in settings, in their order."""
    return list(settings.SYNC_TARGETS)


def config(name: str) -> TargetConfig:
    """One target's settings. Raises `KeyError` for a name that settings do not hold."""
    return settings.SYNC_TARGETS[name]


def connector(name: str) -> Connector:
    """The connector of a target, made once per process: pooled sockets must not cross a fork."""
    return _connector(config(name), os.getpid())


@cache
def _connector(target: TargetConfig, _pid: int) -> Connector:
    return LandcloudConnector(target)


def publish_rows() -> None:
    """Make the Target rows agree with settings, so that the triggers owe exactly those targets."""
    wanted = set(names())
    present = dict(Target.objects.values_list("name", "enabled"))
    if {name for name, enabled in present.items() if enabled} == wanted:
        return
    with transaction.atomic():
        Target.objects.bulk_create([Target(name=name) for name in wanted - set(present)], ignore_conflicts=True)
        # Triggers did not know these: users saved before have no rows.
        Target.objects.filter(name__in=wanted, enabled=False).update(enabled=True, swept_to=0, swept=False)
        Target.objects.exclude(name__in=wanted).update(enabled=False)
