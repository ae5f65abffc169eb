"""Times to the second, in the zone that is active and as the reader's language writes them (Django's formats)."""

from __future__ import annotations

import re
from calendar import month_name
from datetime import date, datetime

from django.utils import formats, timezone
from django.utils.translation import gettext as _

_MONTHS = list(month_name)[1:]
_A_LEAP_YEAR = 2000
_OF_SENTENCE = re.compile(
    rf"(?:(?P<month>{'|'.join(_MONTHS)}) (?P<day>\d\d?) )?(?P<time>\d\d:\d\d(?::\d\d)?)(?: (?P<zone>[A-Z]{{2,5}}|[+-]\d\d))?"
)


def exactly(time: datetime) -> str:
    """Date and time, with the name of the zone: for sentences."""
    return zoned(timezone.localtime(time), to_the_second(time))


def to_the_second(time: datetime) -> str:
    """Date and time: for tables."""
    return " ".join(date_and_clock(time))


def date_and_clock(time: datetime) -> tuple[str, str]:
    """The two parts of it, between which a line may be broken."""
    here = timezone.localtime(time)
    return formats.date_format(here, "DATE_FORMAT"), f"{here:%H:%M:%S}"


def time_of_day(time: datetime | None) -> str:
    """The time alone, where the day is plain, with the name of the zone; empty for none."""
    if time is None:
        return ""
    here = timezone.localtime(time)
    return zoned(here, f"{here:%H:%M:%S}")


def zoned(here: datetime, time: str) -> str:
    """A time that is written already, with the name of the zone that it is in."""
    return _zoned(time, f"{here:%Z}")


def _zoned(time: str, zone: str) -> str:
    return _("%(time)s %(zone)s") % {"time": time, "zone": zone}


def of_old(said: str) -> str:
    """A time that was written in English as sentences have it, in the reader's language; empty for anything else."""
    found = _OF_SENTENCE.fullmatch(said)
    if found is None:
        return ""
    parts = [found["time"]]
    if found["month"] is not None:
        day = date(_A_LEAP_YEAR, _MONTHS.index(found["month"]) + 1, int(found["day"]))
        parts.insert(0, formats.date_format(day, "MONTH_DAY_FORMAT"))
    said = " ".join(parts)
    return said if found["zone"] is None else _zoned(said, found["zone"])
