"""When audits begin by themselves: every record is read back once in so many hours."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Q
from django.db.models.functions import Now

from thirdparty import targets
from thirdparty.audit import runner
from thirdparty.audit.journal import Journal
from thirdparty.capture import versions
from thirdparty.connectors.config import MEND
from thirdparty.decide.sample import WHOLE_PERCENT
from thirdparty.models import Audit, Target
from thirdparty.settings import settings

SHARE = 0.8
"""Of the time between two audits, in which the calls of one are spread: ticks may be late, and targets slow."""
_AGAIN_AFTER_SHARE = 0.1
"""Of that time, after which one that could not be finished is followed by another."""

_WAITS_FOR_TARGET = timedelta(hours=1)
"""Since a worker was last told to go on with it: a target is away for a moment where one command lacks SYNC_TARGETS."""


def begin_due(target: str) -> list[Audit]:
    """Begin the audits of this target whose time has come; those that were begun.

    Not while its records may lack changes: all that an audit could say is that they are yet to be sent. Nor those of kinds
    of which this process has another version than the database, or whose new version is tried on a sample.
    """
    every = timedelta(hours=settings.SYNC_AUDIT_EVERY_HOURS)
    ready = Target.objects.filter(name=target, enabled=True, paused=False, behind_since=None)
    if not every or (row := ready.first()) is None:
        return []
    begun = []
    of_others = {each.kind for each in versions.differences()} | {*targets.on_trial(row)}
    for kind in (each for each in runner.kinds(target) if each not in of_others):
        offers = targets.connector(target, kind).capabilities
        if (offers.list or offers.query) and not _was_lately(target, kind, every):
            mends = targets.config(target).audit == MEND
            begun.append(runner.begin(target, kind, mends=mends, spread=SHARE * every))
    return begun


def _was_lately(target: str, kind: str, every: timedelta) -> bool:
    # Both, lest one in the future, of a clock that has been set back, keep others from beginning.
    within = Q(started_at__gt=Now() - every, started_at__lte=Now() + every)
    failed = Q(finished_at__gt=Now() - _AGAIN_AFTER_SHARE * every) & ~Q(failure="")
    finished = within & Q(finished_at__isnull=False, failure="")
    begun = Audit.objects.filter(target=target, kind=kind, percent=WHOLE_PERCENT)
    return begun.filter(Q(finished_at=None) | failed | finished).exists()


def take_due(target: str) -> list[Audit]:
    """The audits of this target that a worker is to go on with now; each is given out once in a tick's time."""
    every = timedelta(seconds=settings.SYNC_RECONCILE_EVERY_SECONDS)
    due = Q(due_at__lte=Now()) | Q(due_at__gt=Now() + 2 * every)
    ids = list(Audit.objects.filter(due, target=target, finished_at=None).values_list("pk", flat=True))
    taken = [pk for pk in ids if Audit.objects.filter(due, pk=pk, finished_at=None).update(due_at=Now() + every)]
    return list(Audit.objects.filter(pk__in=taken))


def end_away() -> None:
    """End the audits of targets that have been away for longer than `_WAITS_FOR_TARGET`: nobody may ever go on with them."""
    here = Target.objects.filter(enabled=True).values("name")
    left = Audit.objects.filter(finished_at=None, due_at__lt=Now() - _WAITS_FOR_TARGET).exclude(target__in=here)
    for audit_id in list(left.values_list("pk", flat=True)):
        journal = Journal.take(audit_id)
        if journal is None:
            continue
        try:
            runner.end(journal, "its target is away: SYNC_TARGETS does not name it any more")
        finally:
            journal.release()
