"""An audit and its findings, for people and for JSON. Names of fields only, no values."""

from __future__ import annotations

from typing import Any

from thirdparty.models import Audit
from thirdparty.models.audit import Verdict
from thirdparty.observe.audits import finding_as_json


def counts(audit: Audit) -> dict[str, int]:
    """The records by verdict, all of them."""
    return {verdict.value: audit.counts.get(verdict, 0) for verdict in Verdict}


def progress(audit: Audit) -> str:
    """How far it has come, while it is under way."""
    return f"{audit.counts.get('calls', 0)} calls made, {audit.counts.get('listed', 0)} records listed"


def summary(audit: Audit) -> str:
    """One sentence of what came of it."""
    if audit.failure:
        return f"could not be finished: {audit.failure}"
    found = ", ".join(f"{count} {Verdict(name).label}" for name, count in counts(audit).items() if count)
    return f"{found or 'nothing to compare'}; {audit.counts.get('calls', 0)} calls"


def as_json(audit: Audit, *, findings: bool = True) -> dict[str, Any]:
    """The audit as plain values."""
    names = (
        "id",
        "target",
        "kind",
        "lists",
        "looks_up",
        "mends",
        "by",
        "started_at",
        "finished_at",
        "failure",
        "phase",
    )
    plain = {name: getattr(audit, name) for name in names}
    plain["counts"] = counts(audit)
    plain["calls"] = audit.counts.get("calls", 0)
    if findings:
        plain["findings"] = [finding_as_json(each) for each in audit.findings.filter(confirmed_at__isnull=False)]
    return plain
