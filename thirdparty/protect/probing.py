"""Harmless calls: they show whether a target is well that is in doubt, or paused, or for which nothing is due."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial

from thirdparty import targets
from thirdparty.connectors.base import Connector
from thirdparty.connectors.probe import Probe, look
from thirdparty.protect import idle, pauses, target_row
from thirdparty.protect.admission import Admission
from thirdparty.protect.circuit_breaker import CircuitBreaker
from thirdparty.protect.health import Breaker, GuardDecision, TargetHealth
from thirdparty.protect.ruling import jitter, ruled, tell

logger = logging.getLogger(__name__)


def ask(target: str) -> GuardDecision:
    """Ask a harmless call whether the target is well, since a decision wants it, and judge by the answer.

    Takes a call's time, or two. Not to be used inside a transaction.
    """
    return answered(target, in_doubt(target)())


def in_doubt(target: str) -> Callable[[], Probe]:
    """The harmless call, to be made by whoever has the time: it raises nothing and touches no database."""
    read = target_row.read(target)
    without = read[0].without(read[1]) if read is not None else ()
    connector = targets.any_connector(target)

    def call() -> Probe:
        return _look(target, connector, without)[0]

    return call


def answered(target: str, seen: Probe) -> GuardDecision:
    """Say what the harmless call saw. The decision may take records out of the park. Not to be used inside a transaction."""
    return ruled(target, lambda judgement: judgement.answered(seen))


def revive(target: str) -> bool:
    """Probe a target that the guard has paused, if it is time. True: it answers, and a few real calls are next."""
    call = revival(target)
    return call is not None and revived(target, call())


def revival(target: str) -> Callable[[], Probe] | None:
    """Take the right to probe a target that the guard has paused: the call, as of `in_doubt`; None where it is not time."""
    read = target_row.read(target)
    if read is None or pauses.probing_itself(*read, target_row.policy(target), jitter=0.0) is None:
        return None
    with target_row.changing(target) as held:
        turn = pauses.probing_itself(held.standing, held.now, target_row.policy(target), jitter=jitter())
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
            held.standing = pauses.unpaused(before)
    tell(target, before, held.standing)
    return held.standing.breaker == Breaker.HALF_OPEN


def idle_look(target: str) -> Callable[[], tuple[Probe, str]] | None:
    """Take the turn to see whether a target is well for which nothing is due; None where it is not time.

    The call touches no database and raises nothing; `idle_seen` is told what it saw. Without it, nobody would see an outage
    before somebody saves, nor the end of one.
    """
    read = target_row.read(target)
    if read is None:
        return None
    known, now = read
    if idle.turn(known, now, target_row.policy(target), jitter=0.0) is None:
        return None
    with target_row.changing(target) as held:
        turn = idle.turn(held.standing, held.now, target_row.policy(target), jitter=jitter())
        if turn is None:
            return None
        held.standing = turn
    return partial(_look, target, targets.any_connector(target), known.without(now))


def idle_seen(target: str, seen: Probe, reason: str) -> None:
    """Say what that call saw. Not to be used inside a transaction."""

    def judged(judgement: CircuitBreaker) -> tuple[TargetHealth, GuardDecision]:
        return idle.seen(judgement, seen, reason)

    ruled(target, judged)


def _look(target: str, connector: Connector, without: tuple[str, ...]) -> tuple[Probe, str]:
    try:
        return look(connector, Admission(1, without=without).offered(connector.capabilities))
    except Exception:  # as unclear as no answer, and somebody waits for this one
        logger.exception("target %s: the harmless call broke off", target)
        return Probe.UNCLEAR, "broke_off"
