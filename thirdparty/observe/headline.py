"""How a target stands, in one line: level or not, and working or stopped."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from thirdparty.models.record import State
from thirdparty.observe.objects import objects
from thirdparty.observe.reasons.reason import Reason, Severity
from thirdparty.observe.reasons.seen import Seen
from thirdparty.observe.tally import how_many

_STOPS = (
    "not_recorded", "away", "another_database", "turned_away", "paused", "breaker_open", "silence", "triggers_missing", "no_worker",
    "beat_silent", "tick_late", "broker_unreachable",
)  # fmt: skip
"""Codes of what keeps a target from being sent to, the nearest cause first."""


def headline(target: str, seen: Seen, reasons: Sequence[Reason]) -> str:
    """For people, in their language: "26 of 219 people differ at partner. It has refused connections since 10:48; …"."""
    tallies = [tally for tally in seen.of(target) if tally.state not in (State.DELETED, State.LEFT)]
    total = sum(tally.count for tally in tallies)
    waiting = sum(tally.count for tally in tallies if tally.waits)
    stuck = sum(tally.count for tally in tallies if tally.needs_somebody)
    given = {
        "total": how_many(tallies),
        "differ": how_many(tally for tally in tallies if tally.waits or tally.needs_somebody),
        "waiting": how_many(tally for tally in tallies if tally.waits),
        "stuck": how_many(tally for tally in tallies if tally.needs_somebody),
        "target": target,
        "objects": objects({tally.kind for tally in tallies}, total),
    }
    why = _why_stopped(target, reasons)
    return " ".join(filter(None, (_level(total, waiting + stuck) % given, _working(why, waiting, stuck) % given)))


def _level(total: int, differ: int) -> str:
    if not total:
        return _("Nothing is to be at %(target)s yet.")
    if not differ:
        return ngettext(
            "%(total)s %(objects)s is level at %(target)s.",
            "All %(total)s %(objects)s are level at %(target)s.",
            total,
        )
    return ngettext(
        "%(differ)s of %(total)s %(objects)s differs at %(target)s.",
        "%(differ)s of %(total)s %(objects)s differ at %(target)s.",
        differ,
    )


def _working(why: str, waiting: int, stuck: int) -> str:
    comma, semicolon, stop = _(", "), _("; "), _(".")
    needs = ngettext("%(stuck)s needs you", "%(stuck)s need you", stuck) if stuck else ""
    if why:
        waits = ngettext("%(waiting)s waits by itself", "%(waiting)s wait by themselves", waiting) if waiting else ""
        parts = comma.join(filter(None, (waits, needs)))
        return semicolon.join(filter(None, (why.replace("%", "%%").rstrip(stop), parts))) + stop
    under_way = ngettext("%(waiting)s is on its way", "%(waiting)s are on their way", waiting) if waiting else ""
    parts = comma.join(filter(None, (under_way, needs)))
    return parts + stop if parts else ""


def _why_stopped(target: str, reasons: Sequence[Reason]) -> str:
    stopping = [
        reason
        for reason in reasons
        if reason.code in _STOPS and reason.target in ("", target) and reason.severity is not Severity.INFO
    ]
    return min(stopping, key=lambda reason: _STOPS.index(reason.code)).sentence if stopping else ""
