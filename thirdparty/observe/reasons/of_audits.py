"""What the audits found: differences that nobody made here."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from thirdparty import targets
from thirdparty.models import Target
from thirdparty.models.audit import Verdict
from thirdparty.observe.audits import Course, verdicts
from thirdparty.observe.messages import message_in_words
from thirdparty.observe.numbers import grouped
from thirdparty.observe.reasons import words
from thirdparty.observe.reasons.reason import Link, Reason, Severity
from thirdparty.observe.reasons.seen import Seen
from thirdparty.settings import settings

_TO_BE_MENDED = (Verdict.MISSING, Verdict.DIFFERING, Verdict.EXTRA)
_OVERDUE_AFTER = 2
"""So many times the hours in which each record is to be read back: one audit may fail, and the next be as slow as it may."""


def drift(seen: Seen) -> Iterator[Reason]:
    """The target holds otherwise what it has acknowledged, and nobody has had it mended."""
    for name, found in seen.audits.items():
        counts = {verdict.value: found.drift[verdict] for verdict in _TO_BE_MENDED if found.drift.get(verdict)}
        if not counts:
            continue
        what = verdicts(counts) if len(counts) > 1 else Verdict(next(iter(counts))).label
        given = {"count": grouped(sum(counts.values())), "what": what}
        sentence = ngettext(
            "The last audit found %(count)s record that is not as it was acknowledged: %(what)s.",
            "The last audit found %(count)s records that are not as they were acknowledged: %(what)s.",
            sum(counts.values()),
        )
        page = Link("admin:thirdparty_finding_changelist", query={"target": name})
        yield Reason("drift", Severity.ACT, sentence % given, name, count=sum(counts.values()), link=page)


def altered(seen: Seen) -> Iterator[Reason]:
    """The target makes something else of what it is given, again and again."""
    for name, found in seen.audits.items():
        if count := found.drift.get(Verdict.ALTERED, 0):
            sentence = ngettext(
                "It alters what it is given in %(count)s record: that is not sent for ever.",
                "It alters what it is given in %(count)s records: that is not sent for ever.",
                count,
            )
            page = Link("admin:thirdparty_finding_changelist", query={"target": name})
            yield Reason("altered", Severity.INFO, sentence % {"count": grouped(count)}, name, count=count, link=page)


def audit_unfinished(seen: Seen) -> Iterator[Reason]:
    """The last audit could not be finished: nothing is known by it."""
    for name, found in seen.audits.items():
        if found.failure:
            sentence = _("The last audit could not be finished: %(why)s.") % {"why": message_in_words(found.failure)}
            page = Link("admin:thirdparty_audit_changelist", query={"target": name})
            yield Reason("audit_unfinished", Severity.WAIT, sentence, name, link=page)


def audit_overdue(seen: Seen) -> Iterator[Reason]:
    """None has been finished for long: it never ends, compares nothing, or none begins. Nobody knows what the target holds."""
    every = timedelta(hours=settings.SYNC_AUDIT_EVERY_HOURS)
    for name, found in seen.audits.items():
        row = seen.rows[name]
        if not every or row is None or not _is_to_be_audited(row):
            continue
        on_trial = targets.on_trial(row)
        for kind, course in found.courses.items():
            since = course.finished or course.begun
            if since is None or kind in on_trial or not _is_overdue(course, since, seen.now, every):
                continue
            given = {
                "kind": kind,
                "since": words.moment(since, seen.now),
                "every": words.duration(every.total_seconds()),
            }
            sentence = _(
                "No finished audit has compared %(kind)s with what it holds since %(since)s; one is due every %(every)s."
            )
            page = Link("admin:thirdparty_audit_changelist", query={"target": name})
            yield Reason("audit_overdue", Severity.ACT, sentence % given, name, kind=kind, since=since, link=page)


def _is_to_be_audited(row: Target) -> bool:
    """As the schedule has it (`thirdparty.audit.schedule`)."""
    offers = targets.config(row.name).capabilities
    return row.enabled and not row.paused and row.behind_since is None and (offers.list or offers.query)


def _is_overdue(course: Course, since: datetime, now: datetime, every: timedelta) -> bool:
    if now - since <= _OVERDUE_AFTER * every:
        return False
    # After a long pause the next audit has its time, too.
    return course.begun is None or now - course.begun > every
