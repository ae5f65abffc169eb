"""Whether a target's catching up takes too long."""

from __future__ import annotations

from datetime import timedelta

from thirdparty import protect
from thirdparty.models import Target
from thirdparty.settings import settings


def is_left_behind(target: Target) -> bool:
    """Whether records have lacked what was missed for so long that somebody should look why.

    A transaction that has been open since, a record that somebody holds, or no reconciler.
    """
    longest = timedelta(hours=settings.SYNC_RECONCILE_AFTER_HOURS)
    # A moment in the future says no more than one as far in the past: the clock that wrote it has been set back.
    return target.behind_since is not None and abs(protect.clock() - target.behind_since) > longest
