"""What the audits found: differences that nobody made here."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from thirdparty.models.audit import Verdict
from thirdparty.observe.audits import verdicts
from thirdparty.observe.reasons.reason import Link, Reason, Severity
from thirdparty.observe.reasons.seen import Seen

_TO_BE_MENDED = (Verdict.MISSING, Verdict.DIFFERING, Verdict.EXTRA)


def drift(seen: Seen) -> Iterator[Reason]:
    """The target holds otherwise what it has acknowledged, and nobody has had it mended."""
    for name, found in seen.audits.items():
        counts = {verdict.value: found.drift[verdict] for verdict in _TO_BE_MENDED if found.drift.get(verdict)}
        if not counts:
            continue
        given = {
            "count": sum(counts.values()),
            "what": verdicts(counts),
        }
        sentence = ngettext(
            "The last audit found %(count)d record that is not as it was acknowledged: %(what)s.",
            "The last audit found %(count)d records that are not as they were acknowledged: %(what)s.",
            sum(counts.values()),
        )
        page = Link("admin:thirdparty_finding_changelist", query={"target": name})
        yield Reason("drift", Severity.ACT, sentence % given, name, count=sum(counts.values()), link=page)


def altered(seen: Seen) -> Iterator[Reason]:
    """The target makes something else of what it is given, again and again."""
    for name, found in seen.audits.items():
        if count := found.drift.get(Verdict.ALTERED, 0):
            sentence = ngettext(
                "It alters what it is given in %(count)d record: that is not sent for ever.",
                "It alters what it is given in %(count)d records: that is not sent for ever.",
                count,
            )
            page = Link("admin:thirdparty_finding_changelist", query={"target": name})
            yield Reason("altered", Severity.INFO, sentence % {"count": count}, name, count=count, link=page)


def audit_unfinished(seen: Seen) -> Iterator[Reason]:
    """The last audit could not be finished: nothing is known by it."""
    for name, found in seen.audits.items():
        if found.failure:
            sentence = _("The last audit could not be finished: %(why)s.") % {"why": found.failure}
            page = Link("admin:thirdparty_audit_changelist", query={"target": name})
            yield Reason("audit_unfinished", Severity.WAIT, sentence, name, link=page)
