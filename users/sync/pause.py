"""Stop sending to a target, and go on. What changes meanwhile is owed, not lost."""

from __future__ import annotations

from thirdparty import guard
from thirdparty.models import Target
from users.sync.publisher import RECONCILE, publisher


def pause(target: str, *, reason: str) -> bool:
    """Send nothing to this target from the next claim on, until a person resumes it. False where there is none."""
    changes = {"paused": True, "paused_by_guard": False, "paused_reason": reason}
    return bool(Target.objects.filter(name=target).update(**changes))


def resume(target: str) -> bool:
    """Send again, beginning with what has become due. False where there is no such target.

    Whatever the guard held against the target is forgotten: an open breaker closes, a limit is lifted,
    capabilities that were missing are asked for again.
    """
    resumed = guard.resume(target)
    publisher().publish(RECONCILE, [])
    return resumed
