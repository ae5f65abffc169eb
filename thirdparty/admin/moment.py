"""Times in lists: to the second, in one line."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString


def moment(time: datetime | None) -> SafeString | None:
    """The time in the project's zone; None for none."""
    if time is None:
        return None
    text = timezone.localtime(time).strftime("%Y-%m-%d %H:%M:%S")
    return format_html('<span class="sync-nowrap">{}</span>', text)
