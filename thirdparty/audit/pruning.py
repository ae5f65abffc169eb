"""Forget what audits have seen: all comparisons but those of the last one that was finished, and old audits."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import Now

from thirdparty.models import Audit, Comparison, Finding

AT_ONCE = 5_000


def prune_some(kept_for: timedelta) -> int:
    """Forget up to `AT_ONCE` rows; returns how many. The last finished audit of each kind at each target is kept."""
    outdated = _ended().exclude(pk__in=_last())
    comparisons = Comparison.objects.filter(audit__in=outdated).values_list("pk", flat=True)
    count, _ = Comparison.objects.filter(pk__in=list(comparisons[:AT_ONCE])).delete()
    if count:
        return count
    old = outdated.filter(finished_at__lt=Now() - kept_for)
    findings = Finding.objects.filter(audit__in=old).values_list("pk", flat=True)
    count, _ = Finding.objects.filter(pk__in=list(findings[:AT_ONCE])).delete()
    return count or old.filter(~Exists(Finding.objects.filter(audit=OuterRef("pk")))).delete()[0]


def _ended() -> QuerySet[Audit]:
    return Audit.objects.order_by().filter(finished_at__isnull=False)


def _last() -> QuerySet[Audit]:
    # One of a sample says nothing of the others: it is followed by one of as many records, or more.
    later = _ended().filter(
        failure="",
        target=OuterRef("target"),
        kind=OuterRef("kind"),
        percent__gte=OuterRef("percent"),
        pk__gt=OuterRef("pk"),
    )
    return _ended().filter(~Exists(later), failure="").values("pk")  # type: ignore[return-value]  # of a subquery
