"""The guard: no target can hurt us, and we hurt no target. Shared by all workers through the Target row.

Before calls: `admit`. After each: `report`. While all is well neither writes anything. What is decided is
in `breaker`, `rate` and `admission`, purely; docs/operations.md tells what an operator sees.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from thirdparty import targets
from thirdparty.errors import CapabilityMissing, OutcomeUnknown, TargetError, TargetRefuses, TryLater
from thirdparty.guard import admission, breaker, rate, store
from thirdparty.guard.admission import Admission
from thirdparty.guard.breaker import Judgement, Probe
from thirdparty.guard.probe import probe
from thirdparty.guard.standing import Breaker, Ruling, Standing
from thirdparty.http import NOTHING_SENT
from thirdparty.models import Target

__all__ = [
    "Admission",
    "Probe",
    "Ruling",
    "admit",
    "allowance",
    "give_back",
    "probe",
    "report",
    "resume",
    "revive",
    "summary",
]

logger = logging.getLogger(__name__)

HANDFUL_SECONDS = 0.25
"""So far ahead a backlog takes turns: what it has taken, a person's edit has to wait for."""
_TOO_MANY_REQUESTS = 429
_watched: set[str] = set()
"""Targets that this process knows to be in trouble: there, and only there, a success is written down."""


def admit(
    target: str,
    most: int = 1,
    *,
    patience_seconds: float = HANDFUL_SECONDS,
    lead_seconds: float = 0.0,
    worth: Callable[[], bool] = lambda: True,
) -> Admission:
    """May up to ``most`` calls to this target start within ``patience_seconds``?

    ``lead_seconds``: how long it takes until the first of them can start; no turn comes before.
    ``worth`` is asked before a turn or a probe is spent: is there anything to call for? Not to be used
    inside a transaction. Whoever is not granted anything leaves the record as it is.
    """
    read = store.read(target)
    if read is None:
        return Admission(0, "the target is not enabled", wait_seconds=HANDFUL_SECONDS)
    known, now = read
    policy = store.policy(target)
    (_watched.add if known.troubled else _watched.discard)(target)
    without = _without(known, now)
    obstacle = admission.shut(known, now)
    if obstacle is not None:
        return Admission(0, obstacle[0], obstacle[1], without=without)
    if admission.is_free(known, now, policy):
        return Admission(most, without=without)
    if not worth():
        return Admission(0, "there is nothing to call for", without=without)
    with store.changing(target) as held:
        earliest = held.now + timedelta(seconds=lead_seconds)
        held.standing, turns, why = admission.enter(
            held.standing, earliest, policy, most=most, patience_seconds=patience_seconds
        )
        # Taken here, later than the row's ``now``: a turn may come a little late, never early.
        asked = time.monotonic() + lead_seconds
    if held.standing.troubled:
        _watched.add(target)
    return Admission(
        turns.count,
        why,
        turns.wait_seconds,
        probing=held.standing.breaker != Breaker.CLOSED,
        without=without,
        first_at=asked + turns.first_in_seconds,
        spacing_seconds=turns.spacing_seconds,
    )


def give_back(target: str, admitted: Admission, *, made: int) -> None:
    """Of the calls that were let in as probes, only so many were made: others may be."""
    if not admitted.probing or made >= admitted.granted:
        return
    with store.changing(target) as held:
        held.standing = admission.given_back(held.standing, admitted.granted - made)


def report(
    target: str,
    key: str,
    error: TargetError | None,
    *,
    parked: str = "",
    seen: Probe = Probe.UNCLEAR,
) -> Ruling:
    """Say how a call for a record ended, before that is written down; the ruling may say otherwise.

    ``parked``: why the record would be parked, if so. ``seen``: what a harmless call (`probe`) said, where the
    target turned us away. Not to be used inside a transaction.
    """
    if error is None and not parked and target not in _watched:
        return Ruling()
    with store.changing(target) as held:
        before = held.standing
        judgement = Judgement(before, held.now, store.policy(target), jitter=_jitter())
        held.standing, ruling = _judged(judgement, key, error, parked, seen)
    (_watched.add if held.standing.troubled else _watched.discard)(target)
    _tell(target, before, held.standing)
    return ruling


def _judged(
    judgement: Judgement, key: str, error: TargetError | None, parked: str, seen: Probe
) -> tuple[Standing, Ruling]:
    if isinstance(error, TargetRefuses):
        return judgement.turned_away(key, error.reason, seen)
    if parked:
        return judgement.refused(key, parked)
    if isinstance(error, CapabilityMissing) and error.http_status is not None:
        return judgement.lacks(error.capability)
    if isinstance(error, TryLater):
        wish = error.retry_after_seconds
        if error.http_status == _TOO_MANY_REQUESTS:
            return judgement.throttled(retry_after_seconds=wish)
        return judgement.failed(key, error.reason, nothing_sent=error.reason in NOTHING_SENT, retry_after_seconds=wish)
    if isinstance(error, OutcomeUnknown):
        return judgement.failed(key, error.reason)
    return judgement.accepted()


def allowance(target: str, most: int, *, seconds: float) -> int:
    """How many calls, of ``most``, could start within so many seconds."""
    read = store.read(target)
    if read is None:
        return 0
    known, now = read
    return admission.allowance(known, now, store.policy(target), most=most, seconds=seconds)


def summary(row: Target) -> dict[str, Any]:
    """How a target stands, for people: breaker, pause, silence, present rate, and what it turned out not to offer.

    ``rate_per_second`` is None without a limit.
    """
    known, now = store.standing_of(row), timezone.now()
    return {
        "breaker": known.breaker,
        "breaker_reason": known.breaker_reason,
        "paused": known.paused,
        "paused_reason": known.paused_reason,
        "quiet_until": known.quiet_until if known.quiet(now) else None,
        "rate_per_second": rate.current(known, now, store.policy(row.name).rate_per_second),
        "capabilities_off": list(_without(known, now)),
    }


def revive(target: str) -> None:
    """Probe a target that the guard has paused, if it is time; let a few real calls follow where it answers."""
    read = store.read(target)
    if read is None or breaker.probing_itself(*read, store.policy(target), jitter=0.0) is None:
        return
    with store.changing(target) as held:
        turn = breaker.probing_itself(held.standing, held.now, store.policy(target), jitter=_jitter())
        if turn is None:
            return
        held.standing = turn
        without = _without(turn, held.now)
    connector = targets.connector(target)
    seen = probe(connector, Admission(1, without=without).offered(connector.capabilities))
    if seen not in (Probe.FINE, Probe.NONE):
        return
    with store.changing(target) as held:
        before = held.standing
        if before.paused_by_guard:
            held.standing = breaker.unpaused(before)
    _tell(target, before, held.standing)


def resume(target: str) -> bool:
    """A person says that all is well: everything held against the target is forgotten. False where there is none."""
    try:
        with store.changing(target) as held:
            before = held.standing
            held.standing = breaker.resumed(before)
    except Target.DoesNotExist:
        return False
    _tell(target, before, held.standing)
    return True


def _without(known: Standing, now: datetime) -> tuple[str, ...]:
    until = known.capabilities_off_until
    return known.capabilities_off if until is not None and until > now else ()


def _jitter() -> float:
    return random.random()  # noqa: S311  # no secret


def _tell(target: str, before: Standing, after: Standing) -> None:
    """Log what an operator wants to know."""
    if after.breaker != before.breaker:
        logger.warning("target %s: breaker %s%s", target, after.breaker, _because(after.breaker_reason))
    if after.paused != before.paused:
        logger.warning(
            "target %s: %s%s", target, "paused" if after.paused else "goes on", _because(after.paused_reason)
        )
    if after.capabilities_off != before.capabilities_off and after.capabilities_off:
        logger.warning("target %s does not offer %s; going on without", target, ", ".join(after.capabilities_off))


def _because(reason: str) -> str:
    return f": {reason}" if reason else ""
