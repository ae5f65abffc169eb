"""Stop sending to a target, and go on. What changes meanwhile is owed, not lost; who did it and why is kept."""

from __future__ import annotations

from django.db import transaction

from thirdparty import audit_log, permissions, protect
from thirdparty.models import Target
from thirdparty.notify import hints
from thirdparty.permissions import OPERATOR, Account, Right


def pause(target: str, *, reason: str, by: Account = OPERATOR) -> bool:
    """Send nothing to this target from the next claim on, until a person resumes it. False where there is none.

    ``by``: the account that says so; for an operator without one, the log has the system's user. Raises
    `thirdparty.permissions.NotAllowed`.
    """
    permissions.require(by, Right.PAUSE)
    with transaction.atomic():
        paused = protect.pause(target, reason)
        if paused:
            Target.objects.filter(name=target).update(paused_by=permissions.name(by))
            audit_log.record_at_target(by, target, "paused", reason)
    return paused


def resume(target: str, *, reason: str = "", by: Account = OPERATOR) -> bool:
    """Send again, beginning with what has become due. False where there is no such target. As `pause`.

    Whatever the guard held against the target is forgotten: an open breaker closes, a limit is lifted,
    capabilities that were missing are asked for again, and records found at fault count like any others.
    """
    permissions.require(by, Right.PAUSE)
    with transaction.atomic():
        resumed = protect.resume(target)
        if resumed:
            audit_log.record_at_target(by, target, "resumed", reason)
            transaction.on_commit(lambda: hints.start_drain(target), robust=True)
    return resumed


def probe(target: str, *, by: Account = OPERATOR) -> protect.Probe:
    """Ask a target now whether it is well, since a person wants to know; where it is, a pause of the guard's ends.

    Takes a call's time, or two. Not to be used inside a transaction. Raises `thirdparty.permissions.NotAllowed`, and `KeyError`
    for one that settings do not hold.
    """
    permissions.require(by, Right.PAUSE)
    seen = protect.in_doubt(target)()
    if protect.revived(target, seen):
        hints.start_drain(target)
    audit_log.record_at_target(by, target, f"probed: {seen}")
    return seen
