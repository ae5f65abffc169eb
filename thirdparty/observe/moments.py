"""Times to the second as sentences have them: in the zone that is active, and with its name."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone


def exactly(time: datetime) -> str:
    """Date and time."""
    return f"{timezone.localtime(time):%Y-%m-%d %H:%M:%S %Z}"


def time_of_day(time: datetime | None) -> str:
    """The time alone, where the day is plain; empty for none."""
    return f"{timezone.localtime(time):%H:%M:%S %Z}" if time is not None else ""
