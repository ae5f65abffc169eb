"""What a message says: for people as a text, for programs as JSON. It holds nothing of a person."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from thirdparty.models import Alert
from thirdparty.observe.numbers import grouped
from thirdparty.settings import settings

LISTED_AT_MOST = 50
"""So many of what has begun, and of what has ended; how many more there are is said."""
_NAMED_IN_SUBJECT = 3
_LONGEST_SUBJECT = 200


@dataclass(frozen=True, slots=True)
class Composed:
    """One message in both of its forms. ``document`` is JSON."""

    subject: str
    text: str
    document: str


def of_alerts(begun: Sequence[Alert], ended: Sequence[Alert], now: datetime) -> Composed:
    """What has begun, and what has ended."""
    said = []
    if begun:
        words = ngettext("%(count)s reason to act", "%(count)s reasons to act", len(begun))
        said.append(words % {"count": grouped(len(begun))})
    if ended:
        words = ngettext("%(count)s has ended", "%(count)s have ended", len(ended))
        said.append(words % {"count": grouped(len(ended))})
    named = ", ".join(map(_name, [*begun, *ended][:_NAMED_IN_SUBJECT]))
    parts = [
        *_listed(_("Somebody has to act:"), begun, _begun),
        *_listed(_("This has ended:"), ended, _ended),
        _("What each of them means is in docs/operations.md, under Reasons."),
    ]
    data = {"begun": _as_json(begun), "ended": _as_json(ended), "further": _further(begun) + _further(ended)}
    return Composed(_subject(f"{', '.join(said)}: {named}"), "\n".join(parts), _document("alerts", data, now))


def of_trial(now: datetime) -> Composed:
    """That a way works."""
    text = _("This is a test of the alerts: nobody has to act.")
    return Composed(_subject(text), text, _document("test", {}, now))


def _subject(text: str) -> str:
    whole = f"[{settings.SYNC_INSTANCE or 'thirdparty'}] {text}"
    return " ".join(whole.split())[:_LONGEST_SUBJECT]


def _document(event: str, data: dict[str, Any], now: datetime) -> str:
    body = {"type": f"thirdparty.{event}", "timestamp": now, "data": {"instance": settings.SYNC_INSTANCE} | data}
    return json.dumps(body, ensure_ascii=False, cls=DjangoJSONEncoder)


def _as_json(alerts: Sequence[Alert]) -> list[dict[str, Any]]:
    return [
        {
            "code": alert.code,
            "target": alert.target,
            "kind": alert.kind,
            "cause": alert.cause,
            "sentence": alert.sentence,
            "count": alert.count,
            "since": alert.since or alert.first_seen_at,
            "ended_at": alert.ended_at,
            "link": _address(alert),
        }
        for alert in alerts[:LISTED_AT_MOST]
    ]


def _further(alerts: Sequence[Alert]) -> int:
    return max(len(alerts) - LISTED_AT_MOST, 0)


def _listed(heading: str, alerts: Sequence[Alert], line: Any) -> list[str]:
    if not alerts:
        return []
    lines = [line(alert) for alert in alerts[:LISTED_AT_MOST]]
    if further := _further(alerts):
        lines.append(_("… and %(count)s more") % {"count": grouped(further)})
    return [heading, "", *lines, ""]


def _begun(alert: Alert) -> str:
    lines = [f"- {_place(alert)}{alert.sentence} ({alert.code})"]
    lines.append("  " + _("Since %(since)s") % {"since": _exactly(alert.since or alert.first_seen_at)})
    if settings.SYNC_ALERT_SITE and alert.link:
        lines.append(f"  {_address(alert)}")
    return "\n".join(lines)


def _ended(alert: Alert) -> str:
    times = {
        "since": _exactly(alert.since or alert.first_seen_at),
        "until": _exactly(alert.ended_at) if alert.ended_at else "",
    }
    return f"- {_name(alert)}: " + _("from %(since)s to %(until)s") % times


def _place(alert: Alert) -> str:
    return f"{alert.target}: " if alert.target else ""


def _name(alert: Alert) -> str:
    return " ".join(filter(None, (alert.target, alert.code, alert.cause)))


def _address(alert: Alert) -> str:
    return f"{settings.SYNC_ALERT_SITE.rstrip('/')}{alert.link}" if alert.link else ""


def _exactly(time: datetime) -> str:
    return f"{timezone.localtime(time):%Y-%m-%d %H:%M:%S %Z}"
