"""The network's part of a step: ask the target once, and judge what it answers. Touches no database."""

from __future__ import annotations

import logging
import random
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from thirdparty import protect, traces
from thirdparty.connectors.errors import (
    AccessDenied,
    Rejected,
    TargetError,
    Transient,
)
from thirdparty.connectors.masking import mask, values_of
from thirdparty.decide.failures import still_named
from thirdparty.decide.interpret import Interpreter
from thirdparty.decide.result import FinishedStep, GuardReport, StepResult
from thirdparty.declaration import KeyChanges, Unmappable, of_kind
from thirdparty.declaration.at_target import WaitsFor
from thirdparty.run import kept
from thirdparty.run.exchange import exchange
from thirdparty.run.look_up import LookUpOff, OutOfTime
from thirdparty.run.step import Braked, Circle, HeldBy, Step
from thirdparty.settings import settings

logger = logging.getLogger(__name__)

_WORD = re.compile(r"[a-z0-9_]{1,40}")


def call_target(step: Step) -> FinishedStep:
    """Make the step's call. Never raises for what the target does, nor for what our own code does with it."""
    with traces.span("thirdparty.attempt", _told(step)) as span:
        finished = _called(step)
        settlement = finished.settlement
        span.note({"thirdparty.outcome": settlement.outcome.value})
        if settlement.failed:
            # A reason may be a word of the target's own: no more of one goes into a span than a word.
            span.failed(settlement.reason if _WORD.fullmatch(settlement.reason) else settlement.outcome.value)
    return finished


def _told(step: Step) -> traces.Attributes:
    return {
        traces.TARGET: step.target.name,
        "thirdparty.kind": step.lease.kind,
        "thirdparty.operation": step.call.value,
        "thirdparty.generation": step.lease.generation,
        "thirdparty.attempt_id": step.attempt_id,
    }


def _called(step: Step) -> FinishedStep:
    judge = _judge(step)
    if isinstance(step.obstacle, Unmappable):
        return _ended(step, judge.unmappable(step.obstacle.reason, step.obstacle.message))
    if isinstance(step.obstacle, (WaitsFor, HeldBy, Circle, Braked)):
        return _ended(step, _blocked(step.obstacle, judge))
    if step.obstacle is not None:
        return _ended(step, judge.crashed(step.obstacle, sent=False))
    if not step.lease.lasts(step.target.timeout_seconds):
        late = Transient("late", "the lease had too little time left to ask the target")
        return _ended(step, judge.failed(late))
    writes = step.call.writes
    error: TargetError | None = None
    try:
        settlement = exchange(step, judge)
    except OutOfTime as late:
        return _ended(step, judge.failed(late), sent=writes)
    except LookUpOff as off:
        settlement = replace(judge.failed(off), spends_try=False)
        return _ended(step, settlement, sent=writes, heard=GuardReport(None) if writes else None)
    except TargetError as failure:
        mask(failure, _known(step))
        settlement, error = judge.failed(failure), failure
    except Exception as failure:  # whatever the record does to our code, it ends in its row
        logger.exception("%s: %s failed in our own code", step.lease.key, step.call)
        return _ended(step, judge.crashed(type(failure).__name__, sent=writes), sent=writes)
    return _ended(step, settlement, sent=writes, heard=_heard(step, judge, error) if step.asks else None)


def _blocked(obstacle: WaitsFor | HeldBy | Circle | Braked, judge: Interpreter) -> StepResult:
    if isinstance(obstacle, Braked):
        return judge.held(obstacle.change)
    if isinstance(obstacle, HeldBy):
        return judge.blocked(still_named(obstacle.key), held_by=obstacle.key, in_vain=obstacle.in_vain)
    if isinstance(obstacle, Circle):
        return judge.blocked(obstacle.message, waits_for=obstacle.key, circle=True)
    return judge.blocked(obstacle.message, waits_for=obstacle.key)


def turn_missed(step: Step) -> FinishedStep:
    """Its turn had passed before a thread was free: to call now would crowd others."""
    return _ended(step, _judge(step).deferred("turn_missed", "its turn had passed before it could be asked for"))


def _judge(step: Step) -> Interpreter:
    declaration = of_kind(step.lease.kind)
    return Interpreter(
        lease=step.lease,
        call=step.call,
        wanted=step.wanted,
        add_key=step.add_key or None,
        adopt=step.target.adopt,
        match_on=declaration.match,
        renames=declaration.key_changes is KeyChanges.RENAMED,
        comparable=step.connector.comparable,
        hashed=partial(kept.of_payload, step),
        given=partial(kept.fields, step),
        tried=partial(kept.of_unanswered, step),
        can_query=step.connector.capabilities.query,
        backoff=settings.backoff(),
        random=random.random,
    )


def _ended(
    step: Step, settlement: StepResult, *, sent: bool = False, heard: GuardReport | None = None
) -> FinishedStep:
    return FinishedStep(
        step.lease, step.attempt_id, settlement, add_key=step.add_key or None, sent=sent, heard=heard,
        refers_to=step.refers_to, call=step.call,
    )  # fmt: skip


def _known(step: Step) -> Iterator[str]:
    """What the target may repeat of what we sent it."""
    lease = step.lease
    yield from filter(
        None, (*step.connector.secrets(), lease.external_id, lease.natural_key, lease.former_key, lease.remote_id)
    )
    if step.wanted is not None:
        yield from values_of(step.wanted.payload)


def _heard(step: Step, judge: Interpreter, error: TargetError | None) -> GuardReport:
    if not isinstance(error, AccessDenied):
        return GuardReport(error, looked_up=error is None and step.call.reads)
    refused = judge.failed(Rejected(error.reason, error.message, http_status=error.http_status))
    # Two calls at most, and then the step has to be settled.
    time_left = step.lease.lasts(2 * step.target.timeout_seconds)
    return GuardReport(
        error, protect.probe(step.connector, step.offered) if time_left else protect.Probe.UNCLEAR, refused
    )
