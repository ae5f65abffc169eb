"""Times in lists: to the second, broken between date and time only where there is no room."""

from __future__ import annotations

from datetime import datetime

from django.utils.html import format_html
from django.utils.safestring import SafeString

from thirdparty.observe.moments import date_and_clock


def moment(time: datetime | None) -> SafeString | None:
    """The time in the project's zone; None for none."""
    if time is None:
        return None
    return format_html(
        '<span class="sync-nowrap">{}</span> <span class="sync-nowrap">{}</span>', *date_and_clock(time)
    )
