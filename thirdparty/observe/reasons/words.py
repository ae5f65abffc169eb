"""Moments, durations and short words of failures as sentences have them."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import formats, timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from thirdparty.observe.moments import zoned

_DAY = timedelta(days=1)


def moment(time: datetime, now: datetime) -> str:
    """The time of day, with the date where it was not in the last 24 hours; in the zone that is active."""
    here = timezone.localtime(time)
    said = f"{here:%H:%M}"
    if abs(now - time) >= _DAY:
        said = f"{formats.date_format(here, 'MONTH_DAY_FORMAT')} {said}"
    return zoned(here, said) if timezone.get_current_timezone_name() == "UTC" else said


def duration(seconds: float) -> str:
    """As one says it: 40 seconds, 3 hours, 2 days."""
    whole = max(round(seconds), 0)
    if whole >= 2 * 86_400:
        return ngettext("%(n)d day", "%(n)d days", whole // 86_400) % {"n": whole // 86_400}
    if whole >= 2 * 3_600:
        return ngettext("%(n)d hour", "%(n)d hours", whole // 3_600) % {"n": whole // 3_600}
    if whole >= 2 * 60:
        return ngettext("%(n)d minute", "%(n)d minutes", whole // 60) % {"n": whole // 60}
    return ngettext("%(n)d second", "%(n)d seconds", whole) % {"n": whole}


def trouble(reason: str, since: str) -> str:
    """What a target has been doing since then, by the short word of its failures (`thirdparty.connectors.errors`)."""
    known = {
        "refused": _("It has refused connections since %(since)s."),
        "dns": _("Its name has not been found since %(since)s."),
        "unreachable": _("It has not been reachable since %(since)s."),
        "connect_timeout": _("It has not answered since %(since)s."),
        "timeout": _("It has not answered since %(since)s."),
        "proxy": _("The proxy on the way to it has failed since %(since)s."),
        "tls": _("There has been no trusted TLS connection to it since %(since)s."),
        "unreadable": _("Its answers have not been readable since %(since)s."),
        "busy": _("It has asked us to try again later since %(since)s."),
    }
    given = {"since": since, "reason": reason, "status": reason.removeprefix("http_")}
    if reason in known:
        return known[reason] % given
    if reason.startswith("http_"):
        return _("It has answered HTTP %(status)s since %(since)s.") % given
    return _("It has failed since %(since)s (%(reason)s).") % given
