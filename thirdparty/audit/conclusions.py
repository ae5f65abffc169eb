"""Write down what some records came to, and owe again what is to be mended."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from thirdparty import store
from thirdparty.audit.digest import digest
from thirdparty.audit.journal import Journal
from thirdparty.audit.verdict import Judged, Look
from thirdparty.models import Comparison, Finding
from thirdparty.models.audit import Verdict
from thirdparty.store.mending import Seen

MENDED = (Verdict.MISSING, Verdict.DIFFERING)
"""What is owed again. Extra records are never deleted because of an audit, and what a target alters it alters again."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One record and the verdict on it. ``at``: when its target had been asked. ``found``: the id of what was found, and
    ``digest`` one of what it held; both empty for nothing."""

    look: Look
    judged: Judged
    at: datetime
    found: str = ""
    digest: str = ""


def comparison(audit_id: int, outcome: str, look: Look, seen: str, at: datetime) -> Comparison:
    """``seen``: a digest of what was found."""
    return Comparison(
        audit_id=audit_id, record=look.key, outcome=outcome, generation=look.generation, claims=look.claims,
        digest=seen, at=at,
    )  # fmt: skip


def conclude(journal: Journal, compared: Sequence[Compared]) -> None:
    """The last word of this audit on these records. Raises `LeaseLost`, `Outdated`."""
    compared = _with_what_targets_alter(compared)
    audit = journal.audit
    with journal.writing():
        journal.require_current()
        journal.note(
            [comparison(audit.pk, each.judged.verdict, each.look, each.digest, each.at) for each in compared],
            [_finding(journal, each) for each in compared if each.judged.verdict != Verdict.EQUAL],
        )
    if audit.mends:
        mend(Finding.objects.filter(audit=audit, record__in=[each.look.key for each in compared]))
        _read_back_in_vain(compared)


def _read_back_in_vain(compared: Sequence[Compared]) -> None:
    """What had been left there and is gone differs from nothing; but one that is parked may have been refused for naming it."""
    gone = {
        each.look.key: Seen(each.look.key, each.look.generation, each.look.claims)
        for each in compared
        if each.judged.verdict == Verdict.EQUAL and each.look.left_at and each.look.remote_id and not each.found
    }
    store.mend([gone[key] for key in sorted(store.references.named_in_vain(list(gone)))])


def mend(findings: Iterable[Finding]) -> int:
    """Owe the records of these findings again, where they still are as they were seen. Returns how many are owed."""
    mendable = [each for each in findings if each.verdict in MENDED and each.confirmed_at and not each.mended_at]
    seen = {
        each.record: Seen(each.record, each.generation, each.claims)
        for each in mendable
        if each.generation is not None and each.claims is not None
    }
    # In one: else a finding whose process died in between would be reported as not mended.
    with transaction.atomic():
        owed = store.mend(list(seen.values()))
        ids = [each.pk for each in mendable if each.record in owed]
        Finding.objects.filter(pk__in=ids).update(mended_at=Now())
    return len(owed)


def _finding(journal: Journal, each: Compared) -> Finding:
    audit, look, judged = journal.audit, each.look, each.judged
    return Finding(
        audit=audit, target=audit.target, kind=audit.kind, record=look.key,
        remote_id=each.found or look.remote_id or "",
        verdict=judged.verdict, fields=list(judged.fields), ahead=judged.ahead, owner=judged.owner,
        reason=judged.reason, generation=look.generation, claims=look.claims,
        found=_digest(judged.found), wanted=_digest(judged.wanted), seen_at=each.at, confirmed_at=each.at,
    )  # fmt: skip


def _digest(content: Mapping[str, Any] | None) -> str:
    return "" if content is None else digest(content)


def _with_what_targets_alter(compared: Sequence[Compared]) -> list[Compared]:
    """Those that differ as they did before they were owed again, and acknowledged, for just this: altered by the target."""
    differing = {each.look.key: each for each in compared if each.judged.verdict == Verdict.DIFFERING}
    if not differing:
        return list(compared)
    told = Q(mended_at__isnull=False) | Q(verdict=Verdict.ALTERED)
    earlier = {each.record: each for each in Finding.objects.filter(told, record__in=differing).order_by("id")}
    return [
        replace(each, judged=replace(each.judged, verdict=Verdict.ALTERED))
        if each.look.key in differing and _is_as_before(each, earlier.get(each.look.key))
        else each
        for each in compared
    ]


def _is_as_before(now: Compared, before: Finding | None) -> bool:
    if before is None or (before.found, before.wanted) != (_digest(now.judged.found), _digest(now.judged.wanted)):
        return False
    pushed = before.mended_at is not None and now.look.synced_at is not None and now.look.synced_at > before.mended_at
    return before.verdict == Verdict.ALTERED or pushed
