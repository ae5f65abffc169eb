"""The header ``Retry-After`` (RFC 9110, section 10.2.3)."""

from __future__ import annotations

import math
from datetime import UTC
from email.utils import parsedate_to_datetime

MAX_RETRY_AFTER_SECONDS = 3600.0


def retry_after_seconds(value: str | None, *, now: float) -> float | None:
    """How long the sender asks to be left alone, from seconds or an HTTP date; None where it does not say.

    ``now`` is in seconds since the epoch. The result is within 0 and `MAX_RETRY_AFTER_SECONDS`:
    a clock that is off, or a mistake, must not silence a target for days.
    """
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        seconds = _seconds_until(value, now)
    return None if math.isnan(seconds) else min(max(seconds, 0.0), MAX_RETRY_AFTER_SECONDS)


def _seconds_until(date: str, now: float) -> float:
    try:
        moment = parsedate_to_datetime(date)
    except (ValueError, OverflowError):
        return math.nan
    # HTTP dates are always UTC; the two older forms do not say so.
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - now
