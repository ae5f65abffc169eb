"""The durations that settings give to retries and leases."""

from __future__ import annotations

from django.conf import settings

from thirdparty.decide.backoff import Backoff

_LONGEST_GRACE_SECONDS = 5.0


def backoff() -> Backoff:
    return Backoff(
        first_seconds=settings.SYNC_RETRY_BACKOFF_SECONDS,
        most_seconds=settings.SYNC_RETRY_BACKOFF_MAX_SECONDS,
        tries=settings.SYNC_RETRY_MAX,
        grace_seconds=min(_LONGEST_GRACE_SECONDS, settings.SYNC_RECONCILE_EVERY_SECONDS),
    )


def lease_seconds() -> float:
    return float(settings.SYNC_LEASE_SECONDS)
