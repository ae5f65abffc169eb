"""What settings allow a drain of one target."""

from __future__ import annotations

from dataclasses import dataclass

from thirdparty.connectors.config import TargetConfig
from thirdparty.settings import settings


@dataclass(frozen=True, slots=True)
class Limits:
    """``tries``: after so many, a failed record is the reconciler's alone."""

    threads: int
    lease_seconds: float
    call_seconds: float
    database_seconds: float
    tries: int
    paced: bool

    @classmethod
    def of_settings(cls, target: TargetConfig) -> Limits:
        return cls(
            threads=settings.SYNC_DRAIN_THREADS,
            lease_seconds=settings.SYNC_LEASE_SECONDS,
            call_seconds=target.timeout_seconds,
            database_seconds=settings.SYNC_DATABASE_TIMEOUT_SECONDS,
            tries=settings.SYNC_RETRY_MAX,
            paced=target.rate_per_second is not None,
        )
