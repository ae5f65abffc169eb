"""How long a strict write takes, and may stand."""

from __future__ import annotations

from thirdparty import targets
from thirdparty.settings import settings


def patience_seconds() -> float:
    """How long the targets are asked, at most."""
    each = (targets.config(name).timeout_seconds + settings.SYNC_WAIT_PAUSE_SECONDS for name in targets.names())
    return float(settings.SYNC_WAIT_TRIES * sum(each))


def longest_seconds() -> float:
    """How long a strict write may stand: the targets' time, and a lease for the last call to end in."""
    return patience_seconds() + settings.SYNC_LEASE_SECONDS


def impossible_seconds() -> float:
    """How far ahead the end of no strict write can be.

    Twice as long as it may stand: a process that was started with fewer targets may stand beside one with more.
    """
    return 2 * longest_seconds()
