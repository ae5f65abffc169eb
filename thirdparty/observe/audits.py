"""What the last audits found, for status and explanation. Names of fields only, no values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Count, Max, QuerySet
from django.utils.translation import gettext as _

from thirdparty.decide.sample import WHOLE_PERCENT
from thirdparty.models import Audit, Finding, Record
from thirdparty.models.audit import Owner, Verdict
from thirdparty.observe.moments import exactly, time_of_day

DRIFT = (Verdict.MISSING, Verdict.DIFFERING, Verdict.EXTRA, Verdict.ALTERED)
"""What is not as it is to be. Of what could not be compared nothing is known."""
_SHOWN = (
    "id", "record", "remote_id", "verdict", "fields", "ahead", "owner", "reason", "generation", "seen_at",
    "confirmed_at", "mended_at",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class LastAudits:
    """The last finished audits of a target. ``since``: when the one of the kind began that it is longest ago of.

    None where a kind has none yet. ``drift``: findings that nobody has had mended, by verdict; what the
    target holds of others is none. ``failure``: why the last audit of
    a kind could not be finished, where it is the last word.
    """

    since: datetime | None = None
    drift: dict[str, int] = field(default_factory=dict)
    failure: str = ""


def last_audits(targets: Collection[str]) -> dict[str, LastAudits]:
    """Of each of these targets that has been audited."""
    begun = Audit.objects.order_by().filter(target__in=targets, percent=WHOLE_PERCENT)
    failed = {audit.target: f"{audit.kind}: {audit.failure}" for audit in _newest(begun).exclude(failure="")}
    finished = list(_newest(begun.filter(finished_at__isnull=False, failure="")))
    drift: dict[str, Counter[str]] = {}
    open_ones = Finding.objects.order_by().filter(audit__in=[each.pk for each in finished], verdict__in=DRIFT)
    open_ones = open_ones.filter(mended_at=None).exclude(verdict=Verdict.EXTRA, owner=Owner.NOBODY)
    for each in open_ones.values("target", "verdict").annotate(count=Count("pk")):
        drift.setdefault(each["target"], Counter())[each["verdict"]] += each["count"]
    return {
        name: LastAudits(
            min((each.started_at for each in finished if each.target == name), default=None),
            dict(drift.get(name, {})),
            failed.get(name, ""),
        )
        for name in {each.target for each in finished} | {*failed}
    }


def _newest(audits: QuerySet[Audit]) -> QuerySet[Audit]:
    """The last of these of each kind at each target."""
    return Audit.objects.filter(
        pk__in=[each["last"] for each in audits.values("target", "kind").annotate(last=Max("pk"))]
    )


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
    given = ({"count": count, "verdict": Verdict(name).label} for name, count in counts.items() if count)
    return _(", ").join(_("%(count)d %(verdict)s") % each for each in given)


def reason_in_words(reason: str) -> str:
    """Why a record could not be compared, in the reader's language where an audit says so; what a declaration says as it is."""
    words, bracket, rest = reason.partition(" (")
    return f"{_(words)}{bracket}{rest}" if words else ""


def finding_as_json(finding: Finding) -> dict[str, Any]:
    """The same as plain values."""
    return {name: getattr(finding, name) for name in _SHOWN}
