"""What the guard's decision on an answer makes of the record's settlement: whose fault was it?"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace

from django.db import OperationalError

from thirdparty import protect, store
from thirdparty.connectors.base import Connector
from thirdparty.connectors.errors import AccessDenied, TargetError
from thirdparty.decide.result import FinishedStep, Next, Outcome
from thirdparty.protect import Admission, GuardDecision, Probe
from thirdparty.store.contention import is_contention

logger = logging.getLogger(__name__)


def apply(
    ended: FinishedStep, *, doubt: Callable[[], None], unwritten: list[FinishedStep] | None = None
) -> FinishedStep:
    """The step as it stands once the guard has been told how its call ended. Once for each, before it is settled.

    Takes those records out of the park that turn out to have been refused for the target's own trouble; and out of
    ``unwritten``, steps that it was applied to before and are yet to be settled, what would park them there.
    ``doubt`` is called where the guard wants a harmless call asked: `thirdparty.protect.ask`, then `apply_to_others`.
    """
    heard, settlement = ended.heard, ended.settlement
    if heard is None:
        return ended
    decision = protect.report(
        ended.lease.target,
        ended.lease.key,
        heard.error,
        parked=settlement.parked,
        seen=heard.seen,
        acknowledged=settlement.acknowledged,
        looked_up=heard.looked_up,
        delay_seconds=settlement.delay_seconds,
    )
    apply_to_others(decision, unwritten=unwritten)
    if decision.asks:
        doubt()
    if decision.refuses_record and heard.if_refused is not None:
        return replace(ended, settlement=heard.if_refused)
    if decision.wait_seconds:
        return replace(ended, settlement=replace(settlement, next=Next.LATER, delay_seconds=decision.wait_seconds))
    return _spared(ended, Next.NOW if decision.at_once else Next.LATER) if decision.spares_record else ended


def of_question(  # noqa: PLR0913  # all that may be known of one answer
    target: str,
    key: str,
    connector: Connector,
    admission: Admission,
    error: TargetError | None,
    *,
    looked_up: bool = False,
) -> None:
    """Tell the guard how a question ended that was no step of the record ``key``, and do what it says of others.

    ``looked_up``: a look-up was answered. May ask a harmless call or two.
    """
    seen = Probe.UNCLEAR
    if isinstance(error, AccessDenied):
        seen = protect.probe(connector, admission.offered(connector.capabilities))
    told = protect.report(target, key, error, seen=seen, looked_up=looked_up)
    apply_to_others(told)
    if told.asks:
        apply_to_others(protect.ask(target))


def apply_to_others(decision: GuardDecision, *, unwritten: list[FinishedStep] | None = None) -> None:
    """Do what a decision says of other records."""
    if decision.relieved:
        store.bring_forward(decision.relieved)
    if decision.unparked:
        _unpark(decision.unparked, decision.unparked_for)
        if unwritten is not None:
            unwritten[:] = [_unparked(each, decision) for each in unwritten]


def _unpark(keys: Sequence[str], reason: str) -> None:
    # One by one: somebody who holds one of them must keep neither the others parked, nor the result at hand unwritten.
    for key in keys:
        try:
            store.unpark(key, reason)
        except OperationalError as error:
            if not is_contention(error):
                raise
            logger.warning("%s stays parked (%s), since somebody holds it: %s", key, reason, error)


def _unparked(ended: FinishedStep, decision: GuardDecision) -> FinishedStep:
    guilty = ended.settlement.parked != decision.unparked_for or ended.lease.key not in decision.unparked
    return ended if guilty else _spared(ended, Next.NOW)


def _spared(ended: FinishedStep, look: Next) -> FinishedStep:
    settlement = ended.settlement
    outcome = Outcome.TRANSIENT if settlement.parked else settlement.outcome
    return replace(ended, settlement=replace(settlement, outcome=outcome, parked="", next=look, spends_try=False))
