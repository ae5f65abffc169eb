"""What the last audits found, for status and explanation. Names of fields only, no values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Count, Exists, Max, Min, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _

from thirdparty.decide.sample import WHOLE_PERCENT
from thirdparty.declaration.registry import declared_for
from thirdparty.models import Audit, Finding, Record
from thirdparty.models.audit import Owner, Verdict
from thirdparty.observe.moments import exactly, time_of_day
from thirdparty.observe.numbers import grouped
from thirdparty.settings import settings

DRIFT = (Verdict.MISSING, Verdict.DIFFERING, Verdict.EXTRA, Verdict.ALTERED)
"""What is not as it is to be. Of what could not be compared nothing is known."""
_COMPARED = [verdict for verdict in Verdict if verdict != Verdict.NOT_COMPARABLE]
_FINISHED = Q(finished_at__isnull=False, failure="") & reduce(
    or_,
    (Q(**{f"counts__{verdict}__gt": 0}) for verdict in _COMPARED),
    Q(counts__not_comparable__isnull=True) | Q(counts__not_comparable=0),
)
"""It came to its end, and compared something unless there was nothing: of a target that is silent nothing is known by it."""
_SHOWN = (
    "id", "record", "remote_id", "verdict", "fields", "ahead", "owner", "reason", "generation", "seen_at",
    "confirmed_at", "mended_at",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Course:
    """The audits of all records of one kind at one target. ``finished``: when the last began that was finished and compared anything.

    ``begun``: when the first one after it began; each is None where there is none.
    """

    finished: datetime | None = None
    begun: datetime | None = None


@dataclass(frozen=True, slots=True)
class LastAudits:
    """The last audits of a target. ``courses``: by each kind that it is to hold. ``drift``: findings that nobody has had mended, by
    verdict; what the target holds of others is none. ``failure``: why the last audit of
    a kind could not be finished, where it is the last word.
    """

    courses: dict[str, Course] = field(default_factory=dict)
    drift: dict[str, int] = field(default_factory=dict)
    failure: str = ""

    @property
    def since(self) -> datetime | None:
        """When the last finished audit began, of the kind that it is longest ago of; None where a kind has none yet."""
        times = [each.finished for each in self.courses.values()]
        return None if None in times else min((time for time in times if time is not None), default=None)


def last_audits(targets: Collection[str]) -> dict[str, LastAudits]:
    """Of each of these targets."""
    begun = Audit.objects.order_by().filter(target__in=targets, percent=WHOLE_PERCENT)
    failed = {audit.target: f"{audit.kind}: {audit.failure}" for audit in _newest(begun).exclude(failure="")}
    finished = {(each.target, each.kind): each for each in _newest(begun.filter(_FINISHED))}
    drift: dict[str, Counter[str]] = {}
    last = [each.pk for each in finished.values()]
    open_ones = Finding.objects.order_by().filter(audit__in=last, verdict__in=DRIFT)
    open_ones = open_ones.filter(mended_at=None).exclude(verdict=Verdict.EXTRA, owner=Owner.NOBODY)
    for each in open_ones.values("target", "verdict").annotate(count=Count("pk")):
        drift.setdefault(each["target"], Counter())[each["verdict"]] += each["count"]
    first = _first_since(begun)
    return {
        name: LastAudits(
            {
                kind: Course(
                    finished[name, kind].started_at if (name, kind) in finished else None, first.get((name, kind))
                )
                for kind in (declaration.kind for declaration in declared_for(name))
            },
            dict(drift.get(name, {})),
            failed.get(name, ""),
        )
        for name in targets
    }


def is_expired(audits: LastAudits, now: datetime) -> bool:
    """What the last finished audits bear out is older than two of their intervals. Never, where none comes by itself."""
    hours = settings.SYNC_AUDIT_EVERY_HOURS
    return bool(hours) and audits.since is not None and now - audits.since > timedelta(hours=2 * hours)


def _newest(audits: QuerySet[Audit]) -> QuerySet[Audit]:
    """The last of these of each kind at each target."""
    return Audit.objects.filter(
        pk__in=[each["last"] for each in audits.values("target", "kind").annotate(last=Max("pk"))]
    )


def _first_since(audits: QuerySet[Audit]) -> dict[tuple[str, str], datetime]:
    """When the first of these began that came after the last finished one, by target and kind."""
    finished = audits.filter(_FINISHED, target=OuterRef("target"), kind=OuterRef("kind"), pk__gte=OuterRef("pk"))
    later = audits.filter(~Exists(finished)).values("target", "kind").annotate(first=Min("started_at"))
    return {(each["target"], each["kind"]): each["first"] for each in later}


def open_finding(row: Record) -> Finding | None:
    """What an audit last found of this record, unless it has been acknowledged again since, or another audit found nothing."""
    finding = Finding.objects.filter(record=row.key, confirmed_at__isnull=False, verdict__in=DRIFT).last()
    if finding is None or (row.synced_at is not None and row.synced_at > finding.seen_at):
        return None if finding is None or finding.verdict != Verdict.EXTRA else _current(finding)
    return _current(finding)


def _current(finding: Finding) -> Finding | None:
    later = Audit.objects.filter(target=finding.target, kind=finding.kind, pk__gt=finding.audit_id)
    later = later.filter(percent__gte=finding.audit.percent)
    return None if later.filter(finished_at__isnull=False, failure="").exists() else finding


def sentence(finding: Finding) -> str:
    """What it says, for people."""
    given = {
        "verdict": finding.get_verdict_display(),
        "id": finding.remote_id,
        "at": exactly(finding.seen_at),
        "fields": _(", ").join(finding.fields),
        "ahead": finding.get_ahead_display(),
    }
    if finding.verdict == Verdict.EXTRA:
        parts = [_("an audit found record %(id)s, which is not to be there (%(at)s)")]
    elif finding.fields:
        parts = [_("an audit found it %(verdict)s (%(at)s) in %(fields)s")]
    else:
        parts = [_("an audit found it %(verdict)s (%(at)s)")]
    if finding.ahead:
        parts.append(_("who has moved: %(ahead)s"))
    if finding.mended_at:
        parts.append(_("owed again at %(mended)s"))
        given["mended"] = time_of_day(finding.mended_at)
    return _("; ").join(part % given for part in parts)


def verdicts(counts: Mapping[str, int]) -> str:
    """How many of each verdict; empty for none."""
    given = ({"count": grouped(count), "verdict": Verdict(name).label} for name, count in counts.items() if count)
    return _(", ").join(_("%(count)s %(verdict)s") % each for each in given)


def finding_as_json(finding: Finding) -> dict[str, Any]:
    """The same as plain values."""
    return {name: getattr(finding, name) for name in _SHOWN}
