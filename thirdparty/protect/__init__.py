"""The guard: no target can hurt us, and we hurt no target. Shared by all workers through the Target row.

Before calls: `admit`. After each: `report`. While all is well neither writes anything. What is decided is
in `circuit_breaker`, `rate_limit` and `admission`, purely; docs/operations.md tells what an operator sees.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from thirdparty import targets
from thirdparty.connectors.base import Connector
from thirdparty.connectors.errors import (
    AccessDenied,
    CapabilityMissing,
    OutcomeUnknown,
    RecordBusy,
    TargetError,
    Transient,
)
from thirdparty.connectors.http.session import NOTHING_SENT
from thirdparty.connectors.probe import Probe, look, probe
from thirdparty.models import Target
from thirdparty.protect import admission, circuit_breaker, rate_limit, sender, target_row
from thirdparty.protect.admission import Admission
from thirdparty.protect.circuit_breaker import CircuitBreaker
from thirdparty.protect.health import Breaker, GuardDecision, TargetHealth
from thirdparty.protect.openness import Openness, openness

__all__ = [
    "Admission",
    "GuardDecision",
    "Openness",
    "Probe",
    "admit",
    "allowance",
    "answered",
    "ask",
    "clock",
    "give_back",
    "idle_look",
    "idle_seen",
    "in_doubt",
    "openness",
    "pause",
    "probe",
    "report",
    "resume",
    "revival",
    "revive",
    "revived",
    "summary",
]

logger = logging.getLogger(__name__)

HANDFUL_SECONDS = 0.25
"""So far ahead a backlog takes turns: what it has taken, a person's edit has to wait for."""
_TOO_MANY_REQUESTS = 429
_known: dict[str, TargetHealth] = {}
"""How this process has last seen each target: a success is written down only where that would change something."""
clock = target_row.clock


def admit(
    target: str,
    most: int = 1,
    *,
    patience_seconds: float = HANDFUL_SECONDS,
    lead_seconds: float = 0.0,
    has_work: Callable[[], bool] = lambda: True,
) -> Admission:
    """May up to ``most`` calls to this target start within ``patience_seconds``?

    ``lead_seconds``: how long it takes until the first of them can start; no turn comes before.
    ``has_work`` is asked before a turn or a probe is spent: is there anything to call for? Not to be used
    inside a transaction. Whoever is not granted anything leaves the record as it is.
    """
    read = target_row.read(target)
    if read is None:
        return Admission(0, "the target is not enabled", wait_seconds=HANDFUL_SECONDS)
    known, now = read
    policy = target_row.policy(target)
    _known[target] = known
    without, without_seconds = _without(known, now), _without_seconds(known, now)
    obstacle = admission.shut(known, now)
    if obstacle is not None:
        return Admission(0, obstacle[0], obstacle[1], without=without, without_seconds=without_seconds)
    if admission.is_free(known, now, policy):
        return Admission(most, without=without, without_seconds=without_seconds)
    if not has_work():
        return Admission(0, "there is nothing to call for", without=without, without_seconds=without_seconds)
    with target_row.changing(target) as held:
        earliest = held.now + timedelta(seconds=lead_seconds)
        held.standing, turns, why = admission.enter(
            held.standing, earliest, policy, most=most, patience_seconds=patience_seconds
        )
        # Taken here, later than the row's ``now``: a turn may come a little late, never early.
        asked = time.monotonic() + lead_seconds
    _known[target] = held.standing
    return Admission(
        turns.count,
        why,
        turns.wait_seconds,
        probing=held.standing.breaker != Breaker.CLOSED,
        without=without,
        without_seconds=without_seconds,
        first_at=asked + turns.first_in_seconds,
        spacing_seconds=turns.spacing_seconds,
    )


def give_back(target: str, admitted: Admission, *, made: int) -> None:
    """Of the calls that were let in as probes, only so many were made: others may be."""
    if not admitted.probing or made >= admitted.granted:
        return
    with target_row.changing(target) as held:
        held.standing = admission.given_back(held.standing, admitted.granted - made)


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
    if error is None and not parked and _is_no_news(target, key, looked_up=looked_up):
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

    return _ruled(target, judged)


def ask(target: str) -> GuardDecision:
    """Ask a harmless call whether the target is well, since a decision wants it, and judge by the answer.

    Takes a call's time, or two. Not to be used inside a transaction.
    """
    return answered(target, in_doubt(target)())


def in_doubt(target: str) -> Callable[[], Probe]:
    """The harmless call, to be made by whoever has the time: it raises nothing and touches no database."""
    read = target_row.read(target)
    without = _without(*read) if read is not None else ()
    connector = targets.any_connector(target)

    def call() -> Probe:
        return _look(target, connector, without)[0]

    return call


def _look(target: str, connector: Connector, without: tuple[str, ...]) -> tuple[Probe, str]:
    try:
        return look(connector, Admission(1, without=without).offered(connector.capabilities))
    except Exception:  # as unclear as no answer, and somebody waits for this one
        logger.exception("target %s: the harmless call broke off", target)
        return Probe.UNCLEAR, "broke_off"


def answered(target: str, seen: Probe) -> GuardDecision:
    """Say what the harmless call saw. The decision may take records out of the park. Not to be used inside a transaction."""
    return _ruled(target, lambda judgement: judgement.answered(seen))


def _is_no_news(target: str, key: str, *, looked_up: bool) -> bool:
    known = _known.get(target)
    return known is None or not (known.troubled or key in known.faulty_keys or (looked_up and known.misses))


def _ruled(target: str, judged: Callable[[CircuitBreaker], tuple[TargetHealth, GuardDecision]]) -> GuardDecision:
    with target_row.changing(target) as held:
        before = held.standing
        held.standing, ruling = judged(CircuitBreaker(before, held.now, target_row.policy(target), jitter=_jitter()))
    _known[target] = held.standing
    _tell(target, before, held.standing)
    return ruling


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


def allowance(target: str, most: int, *, seconds: float) -> int:
    """How many calls, of ``most``, could start within so many seconds."""
    read = target_row.read(target)
    if read is None:
        return 0
    known, now = read
    return admission.allowance(known, now, target_row.policy(target), most=most, seconds=seconds)


def summary(row: Target) -> dict[str, Any]:
    """How a target stands, for people: breaker, pause, silence, present rate, and what it turned out not to offer.

    ``rate_per_second`` is None without a limit.
    """
    now = target_row.clock()
    policy = target_row.policy(row.name)
    known = target_row.standing_of(row).without_the_impossible(now, policy)
    # Told for a while longer: whoever asks next may not have come yet.
    shown_at = now - timedelta(seconds=policy.longest_pause_seconds)
    return {
        "breaker": known.breaker,
        "breaker_reason": known.breaker_reason,
        "paused": known.paused,
        "paused_reason": known.paused_reason,
        "blocked_until": known.blocked_until if known.quiet(now) else None,
        "rate_per_second": rate_limit.current(known, now, policy.rate_per_second),
        "capabilities_off": list(_without(known, shown_at)),
    }


def revive(target: str) -> bool:
    """Probe a target that the guard has paused, if it is time. True: it answers, and a few real calls are next."""
    call = revival(target)
    return call is not None and revived(target, call())


def revival(target: str) -> Callable[[], Probe] | None:
    """Take the right to probe a target that the guard has paused: the call, as of `in_doubt`; None where it is not time."""
    read = target_row.read(target)
    if read is None or circuit_breaker.probing_itself(*read, target_row.policy(target), jitter=0.0) is None:
        return None
    with target_row.changing(target) as held:
        turn = circuit_breaker.probing_itself(held.standing, held.now, target_row.policy(target), jitter=_jitter())
        if turn is None:
            return None
        held.standing = turn
    return in_doubt(target)


def revived(target: str, seen: Probe) -> bool:
    """Say what that call saw. True: a few real calls are next."""
    if seen not in (Probe.FINE, Probe.REJECTED, Probe.NONE):
        return False
    with target_row.changing(target) as held:
        before = held.standing
        if before.paused_by_guard:
            held.standing = circuit_breaker.unpaused(before)
    _tell(target, before, held.standing)
    return held.standing.breaker == Breaker.HALF_OPEN


def idle_look(target: str) -> Callable[[], tuple[Probe, str]] | None:
    """Take the turn to see whether a target is well for which nothing is due; None where it is not time.

    The call touches no database and raises nothing; `idle_seen` is told what it saw. Without it, nobody would see an outage
    before somebody saves, nor the end of one.
    """
    read = target_row.read(target)
    if read is None or circuit_breaker.looking_idly(*read, target_row.policy(target), jitter=0.0) is None:
        return None
    with target_row.changing(target) as held:
        turn = circuit_breaker.looking_idly(held.standing, held.now, target_row.policy(target), jitter=_jitter())
        if turn is None:
            return None
        held.standing = turn
    return partial(_look, target, targets.any_connector(target), _without(*read))


def idle_seen(target: str, seen: Probe, reason: str) -> None:
    """Say what that call saw. Not to be used inside a transaction."""

    def judged(judgement: CircuitBreaker) -> tuple[TargetHealth, GuardDecision]:
        return judgement.seen_idly(seen, reason)

    _ruled(target, judged)


def pause(target: str, reason: str) -> bool:
    """A person says that nothing is to be sent until a person says otherwise. False where there is no such target."""
    try:
        with target_row.changing(target, durable=False) as held:
            held.standing = replace(held.standing, paused=True, paused_by_guard=False, paused_reason=reason[:200])
    except Target.DoesNotExist:
        return False
    return True


def resume(target: str) -> bool:
    """A person says that all is well: everything held against the target is forgotten. False where there is none.

    From now on it is sent to from this database.

    May be part of a transaction that asks no target.
    """
    try:
        with target_row.changing(target, durable=False) as held:
            before = held.standing
            held.standing = circuit_breaker.resumed(before)
            sender.rebind(target)
    except Target.DoesNotExist:
        return False
    _tell(target, before, held.standing)
    return True


def _without(known: TargetHealth, now: datetime) -> tuple[str, ...]:
    until = known.capabilities_off_until
    return known.capabilities_off if until is not None and until > now else ()


def _without_seconds(known: TargetHealth, now: datetime) -> float:
    until = known.capabilities_off_until
    return max((until - now).total_seconds(), 0.0) if until is not None else 0.0


def _jitter() -> float:
    return random.random()  # noqa: S311  # no secret


def _tell(target: str, before: TargetHealth, after: TargetHealth) -> None:
    """Log what an operator wants to know."""
    if after.breaker != before.breaker:
        logger.warning("target %s: breaker %s%s", target, after.breaker, _because(after.breaker_reason))
    if after.paused != before.paused:
        logger.warning(
            "target %s: %s%s", target, "paused" if after.paused else "goes on", _because(after.paused_reason)
        )
    if after.capabilities_off != before.capabilities_off and after.capabilities_off:
        logger.warning("target %s does not offer %s; what needs it waits", target, ", ".join(after.capabilities_off))


def _because(reason: str) -> str:
    return f": {reason}" if reason else ""
