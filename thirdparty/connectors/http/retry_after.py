"""The header ``Retry-After`` (RFC 9110, section 10.2.3)."""

from __future__ import annotations

import math
from datetime import UTC
from email.utils import parsedate_to_datetime

MAX_RETRY_AFTER_SECONDS = 3600.0


def retry_after_seconds(value: str | None, *, sent: str | None, now: float) -> float | None:
    """How long the sender asks to be left alone, from seconds or an HTTP date; None where it does not say.

    A date is of the sender's clock, so it is measured against ``sent``, the ``Date`` of the same answer;
    against ``now``, in seconds since the epoch, only where that is missing. The result is within 0 and
    `MAX_RETRY_AFTER_SECONDS`: a mistake must not silence a target for days.
    """
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        said_at = _moment(sent or "")
        seconds = _moment(value) - (now if math.isnan(said_at) else said_at)
    return None if math.isnan(seconds) else min(max(seconds, 0.0), MAX_RETRY_AFTER_SECONDS)


def _moment(date: str) -> float:
    """Seconds since the epoch; not a number for what is no date."""
    try:
        moment = parsedate_to_datetime(date)
    except (ValueError, OverflowError):
        return math.nan
    # HTTP dates are always UTC; the two older forms do not say so.
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
