"""What people decide about audits: that one is to begin, and that what it found is to be mended."""

from __future__ import annotations

from django.db import transaction
from django.db.models import QuerySet

from thirdparty import audit_log, permissions, targets
from thirdparty.audit import conclusions, runner
from thirdparty.decide.sample import WHOLE_PERCENT
from thirdparty.models import Audit, Finding, Target
from thirdparty.notify import hints
from thirdparty.permissions import OPERATOR, Account, Acting, Right

_BATCH = 500


def begin(
    target: str, kinds: list[str], *, mends: bool = False, percent: float = WHOLE_PERCENT, by: Account = OPERATOR
) -> list[Audit]:
    """Begin an audit of each of these kinds, in place of one that is under way; workers go on with them.

    Raises `NotAllowed`, and `thirdparty.audit.runner.CannotAudit`.
    """
    permissions.require(by, Right.DECIDE)
    begun = [
        runner.begin(target, kind, by=permissions.name(by) or "an operator", mends=mends, percent=percent)
        for kind in kinds
    ]
    for audit in begun:
        hints.go_on_with_audit(audit.pk, audit.due_at)
    return begun


def mend(findings: QuerySet[Finding], *, by: Account = OPERATOR) -> int:
    """Owe the records of these findings again, those that are missing or differ and are still as they were seen.

    Returns how many are owed. Nothing is ever deleted by it. Those whose kind is on trial there and that are not in the sample
    are left: they differ since they are kept back (`thirdparty.targets.on_trial`). Raises `NotAllowed`.
    """
    permissions.require(by, Right.DECIDE)
    mended, last = 0, 0
    audits = set()
    while batch := list(findings.filter(pk__gt=last).order_by("pk")[:_BATCH]):
        rows = Target.objects.in_bulk({each.target for each in batch})
        let = [
            each
            for each in batch
            if not each.record or each.target not in rows or not targets.is_kept_back(rows[each.target], each.record)
        ]
        with transaction.atomic():
            mended += conclusions.mend(let)
            for target in {each.target for each in batch}:
                hints.drain_on_commit(target)
        audits |= {each.audit_id for each in batch}
        last = batch[-1].pk
    if not isinstance(by, Acting):
        for audit in Audit.objects.filter(pk__in=audits):
            audit_log.record(by, audit, audit_log.CHANGE, f"{mended} records owed again for what was found")
    return mended
