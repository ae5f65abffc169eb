"""Times in lists: to the second, broken between date and time only where there is no room."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString


def moment(time: datetime | None) -> SafeString | None:
    """The time in the project's zone; None for none."""
    if time is None:
        return None
    here = timezone.localtime(time)
    parts = (f"{here:%Y-%m-%d}", f"{here:%H:%M:%S}")
    return format_html('<span class="sync-nowrap">{}</span> <span class="sync-nowrap">{}</span>', *parts)
