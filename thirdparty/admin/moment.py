"""Times for people: in lists to the second, broken between date and time only where there is no room; on cards how long ago."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince
from django.utils.translation import gettext as _

from thirdparty.observe.moments import date_and_clock, exactly

_A_MOMENT = timedelta(minutes=1)


def moment(time: datetime | None) -> SafeString | None:
    """The time in the project's zone; None for none."""
    if time is None:
        return None
    return format_html(
        '<span class="sync-nowrap">{}</span> <span class="sync-nowrap">{}</span>', *date_and_clock(time)
    )


def ago(time: datetime | None) -> SafeString | None:
    """How long ago the time was, or in how long it is, with the time itself for whoever points at it; None for none."""
    if time is None:
        return None
    return format_html('<time datetime="{}" title="{}">{}</time>', time.isoformat(), exactly(time), _distance(time))


def _distance(time: datetime) -> str:
    now = timezone.now()
    if abs(now - time) < _A_MOMENT:
        return _("just now") if time <= now else _("in a moment")
    if time <= now:
        return _("%(span)s ago") % {"span": timesince(time, now, depth=1)}
    return _("in %(span)s") % {"span": timesince(now, time, depth=1)}
