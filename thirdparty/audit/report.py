"""An audit and its findings, for people and for JSON. Names of fields only, no values."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from thirdparty.models import Audit
from thirdparty.models.audit import Verdict
from thirdparty.observe.audits import finding_as_json, verdicts
from thirdparty.observe.messages import message_in_words
from thirdparty.observe.numbers import grouped


def counts(audit: Audit) -> dict[str, int]:
    """The records by verdict, all of them."""
    return {verdict.value: audit.counts.get(verdict, 0) for verdict in Verdict}


def progress(audit: Audit) -> str:
    """How far it has come, while it is under way."""
    given = {"calls": grouped(audit.counts.get("calls", 0)), "listed": grouped(audit.counts.get("listed", 0))}
    return _("%(calls)s calls made, %(listed)s records listed") % given


def summary(audit: Audit) -> str:
    """One sentence of what came of it."""
    if audit.failure:
        return _("could not be finished: %(why)s") % {"why": message_in_words(audit.failure)}
    calls = audit.counts.get("calls", 0)
    given = {"found": verdicts(counts(audit)) or _("nothing to compare"), "calls": grouped(calls)}
    return ngettext("%(found)s; %(calls)s call", "%(found)s; %(calls)s calls", calls) % given


def as_json(audit: Audit, *, findings: bool = True) -> dict[str, Any]:
    """The audit as plain values."""
    names = (
        "id",
        "target",
        "kind",
        "percent",
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
