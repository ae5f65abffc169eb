"""What the guard's ruling on an answer makes of the record's settlement: whose fault was it?"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace

from django.db import OperationalError

from thirdparty import protect, store
from thirdparty.decide.result import FinishedStep, Next, Outcome
from thirdparty.protect import GuardDecision
from thirdparty.store.contention import is_contention

logger = logging.getLogger(__name__)


def heed(
    ended: FinishedStep, *, doubt: Callable[[], None], unwritten: list[FinishedStep] | None = None
) -> FinishedStep:
    """The step as it stands once the guard has been told how its call ended. Once for each, before it is settled.

    Takes those records out of the park that turn out to have been refused for the target's own trouble; and out of
    ``unwritten``, steps that were heeded before and are yet to be settled, what would park them there.
    ``doubt`` is called where the guard wants a harmless call asked: `thirdparty.protect.ask`, then `obey`.
    """
    heard, settlement = ended.heard, ended.settlement
    if heard is None:
        return ended
    ruling = protect.report(
        ended.lease.target,
        ended.lease.key,
        heard.error,
        parked=settlement.parked,
        seen=heard.seen,
        acknowledged=settlement.acknowledged,
        looked_up=heard.looked_up,
        delay_seconds=settlement.delay_seconds,
    )
    obey(ruling, unwritten=unwritten)
    if ruling.asks:
        doubt()
    if ruling.refuses_record and heard.if_refused is not None:
        return replace(ended, settlement=heard.if_refused)
    if ruling.wait_seconds:
        return replace(ended, settlement=replace(settlement, next=Next.LATER, delay_seconds=ruling.wait_seconds))
    return _spared(ended, Next.NOW if ruling.at_once else Next.LATER) if ruling.spares_record else ended


def obey(ruling: GuardDecision, *, unwritten: list[FinishedStep] | None = None) -> None:
    """Do what a ruling says of other records."""
    if ruling.relieved:
        store.bring_forward(ruling.relieved)
    if ruling.unparked:
        _unpark(ruling.unparked, ruling.unparked_for)
        if unwritten is not None:
            unwritten[:] = [_unparked(each, ruling) for each in unwritten]


def _unpark(keys: Sequence[str], reason: str) -> None:
    # One by one: somebody who holds one of them must keep neither the others parked, nor the result at hand unwritten.
    for key in keys:
        try:
            store.unpark(key, reason)
        except OperationalError as error:
            if not is_contention(error):
                raise
            logger.warning("%s stays parked (%s), since somebody holds it: %s", key, reason, error)


def _unparked(ended: FinishedStep, ruling: GuardDecision) -> FinishedStep:
    guilty = ended.settlement.parked != ruling.unparked_for or ended.lease.key not in ruling.unparked
    return ended if guilty else _spared(ended, Next.NOW)


def _spared(ended: FinishedStep, look: Next) -> FinishedStep:
    settlement = ended.settlement
    outcome = Outcome.TRANSIENT if settlement.parked else settlement.outcome
    return replace(ended, settlement=replace(settlement, outcome=outcome, parked="", next=look, spends_try=False))
