"""How a call ended, as far as its target is concerned. While all is well nothing is written for it."""

from __future__ import annotations

from thirdparty.connectors.errors import (
    AccessDenied,
    CapabilityMissing,
    OutcomeUnknown,
    RecordBusy,
    TargetError,
    Transient,
)
from thirdparty.connectors.http.session import NOTHING_SENT
from thirdparty.connectors.probe import Probe
from thirdparty.protect import last_seen
from thirdparty.protect.circuit_breaker import CircuitBreaker
from thirdparty.protect.health import GuardDecision, TargetHealth
from thirdparty.protect.ruling import ruled

_TOO_MANY_REQUESTS = 429


def report(  # noqa: PLR0913  # all that may be known of one answer, by name
    target: str,
    key: str,
    error: TargetError | None,
    *,
    parked: str = "",
    seen: Probe = Probe.UNCLEAR,
    acknowledged: bool = False,
    looked_up: bool = False,
    delay_seconds: float = 0.0,
) -> GuardDecision:
    """Say how a call for a record ended, before that is written down; the decision may say otherwise.

    ``parked``: why the record would be parked, if so. ``seen``: what a harmless call (`probe`) said, where the
    target turned us away. ``acknowledged``: the target took what was wanted. ``looked_up``: a look-up was answered. ``delay_seconds``: how long the record
    is to wait if it failed. Not to be used inside a transaction.
    """
    if error is None and not parked and last_seen.is_no_news(target, key, looked_up=looked_up):
        return GuardDecision()

    def judged(judgement: CircuitBreaker) -> tuple[TargetHealth, GuardDecision]:
        if looked_up:
            judgement.looked_up()
        if isinstance(error, AccessDenied):
            return judgement.turned_away(key, error.reason, seen)
        if parked:
            return judgement.refused(key, parked)
        if error is None:
            return judgement.accepted(key, acknowledged=acknowledged)
        return _judged(judgement, key, error, delay_seconds)

    return ruled(target, judged)


def _judged(
    judgement: CircuitBreaker, key: str, error: TargetError, delay_seconds: float
) -> tuple[TargetHealth, GuardDecision]:
    if isinstance(error, CapabilityMissing) and error.http_status is not None:
        return judgement.lacks(error.capability)
    if isinstance(error, RecordBusy):
        return judgement.accepted()
    if isinstance(error, Transient):
        wish = error.retry_after_seconds
        if error.http_status == _TOO_MANY_REQUESTS:
            return judgement.throttled(retry_after_seconds=wish)
        return judgement.failed(
            key,
            error.reason,
            nothing_sent=error.reason in NOTHING_SENT,
            retry_after_seconds=wish,
            delay_seconds=delay_seconds,
        )
    if isinstance(error, OutcomeUnknown):
        return judgement.failed(key, error.reason, delay_seconds=delay_seconds)
    return judgement.accepted()
