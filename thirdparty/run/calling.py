"""The network's part of a step: ask the target once, and judge what it answers. Touches no database."""

from __future__ import annotations

import logging
import random
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from functools import partial
from typing import cast

from thirdparty import protect, traces
from thirdparty.connectors.base import Payload, RemoteObject, RemoteRecord
from thirdparty.connectors.errors import (
    AccessDenied,
    AlreadyExists,
    NotFound,
    Rejected,
    TargetError,
    Transient,
    VersionConflict,
)
from thirdparty.connectors.masking import mask, values_of
from thirdparty.decide import sent
from thirdparty.decide.failures import still_named
from thirdparty.decide.interpret import Interpreter
from thirdparty.decide.plan import Call
from thirdparty.decide.result import FinishedStep, GuardReport, StepResult
from thirdparty.declaration import Unmappable, of_kind
from thirdparty.declaration.at_target import WaitsFor
from thirdparty.run.step import Braked, Circle, HeldBy, Step
from thirdparty.settings import settings

logger = logging.getLogger(__name__)

_WORD = re.compile(r"[a-z0-9_]{1,40}")


class _OutOfTime(Transient):
    """The lease has too little time left for a look-up: neither the target's fault nor the record's."""

    def __init__(self) -> None:
        super().__init__("late", "the lease had too little time left to look the record up")


class _LookUpOff(Transient):
    """The look-up that the target is said to offer is off for the moment: what rests on it is not done blindly."""

    def __init__(self, seconds: float) -> None:
        message = "the target is said to offer a look-up and answers it as if it did not: what needs it waits"
        super().__init__("look_up_off", message, retry_after_seconds=seconds)


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
        settlement = _call(step, judge)
    except _OutOfTime as late:
        return _ended(step, judge.failed(late), sent=writes)
    except _LookUpOff as off:
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
        return judge.blocked(still_named(obstacle.key), held_by=obstacle.key)
    if isinstance(obstacle, Circle):
        return judge.blocked(obstacle.message, waits_for=obstacle.key, circle=True)
    return judge.blocked(obstacle.message, waits_for=obstacle.key)


def turn_missed(step: Step) -> FinishedStep:
    """Its turn had passed before a thread was free: to call now would crowd others."""
    return _ended(step, _judge(step).deferred("turn_missed", "its turn had passed before it could be asked for"))


def _judge(step: Step) -> Interpreter:
    return Interpreter(
        lease=step.lease,
        call=step.call,
        wanted=step.wanted,
        add_key=step.add_key or None,
        adopt=step.target.adopt,
        match_on=of_kind(step.lease.kind).match,
        comparable=step.connector.comparable,
        hashed=partial(_hashed, step),
        given=partial(_given, step),
        can_query=step.connector.capabilities.query,
        backoff=settings.backoff(),
        random=random.random,
    )


def _hashed(step: Step, payload: Payload) -> str | None:
    """What the row keeps of a payload: of the fields that are wanted, and of those that were sent before.

    What else a record holds was never ours: it would look as if whoever comes back emptied it.
    """
    key, comparable, wanted = settings.hash_key(), step.connector.comparable, step.wanted
    if step.sent is not None and wanted is not None and payload is wanted.payload:
        return step.sent
    try:
        if wanted is not None and payload is wanted.payload:
            only = None
        elif (given := sent.read(step.lease.sent, key)) is None and wanted is None:
            return None
        else:
            only = {*(given or ()), *(comparable(wanted.payload) if wanted is not None else ())}
        return sent.written(sent.hashes(payload, comparable, key, only=only), key)
    except Exception:  # the target has answered: what is kept for later must not keep that from being written
        logger.exception("%s: what the target holds cannot be noted", step.lease.key)
        return None


def _given(step: Step) -> Collection[str]:
    return sent.read(step.lease.sent, settings.hash_key()) or ()


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
    yield from filter(None, (*step.connector.secrets(), lease.external_id, lease.natural_key, lease.remote_id))
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


def _call(step: Step, judge: Interpreter) -> StepResult:
    return _write(step, judge) if step.call.writes else _look(step, judge)


def _look(step: Step, judge: Interpreter) -> StepResult:
    """What only reads, or asks nothing."""
    match step.call:
        case Call.VERIFY:
            return judge.verified(_find_by_our_keys(step, judge))
        case Call.CONFIRM:
            return judge.confirmed(_find(step, judge))
        case Call.RECHECK:
            return judge.rechecked(_find(step, judge)) if judge.can_query else judge.recheck_blindly()
        case Call.WAIT:
            return judge.waiting()
        case Call.LEAVE:
            return judge.left()
        case _:
            return judge.unlinked()


def _write(step: Step, judge: Interpreter) -> StepResult:
    if step.call is Call.ADD:
        return _add(step, judge)
    remote_id = cast("str", step.lease.remote_id)
    match step.call:
        case Call.UPDATE:
            return _update(step, judge, remote_id, cast("RemoteObject", step.wanted))
        case Call.DEACTIVATE:
            return _deactivate(step, judge, remote_id)
        case _:
            return _delete(step, judge, remote_id)


def _add(step: Step, judge: Interpreter) -> StepResult:
    lease = step.lease
    obj = step.wanted or RemoteObject(lease.external_id, lease.natural_key, {})
    try:
        remote_id = step.connector.add(obj, version=lease.generation, idempotency_key=step.add_key)
    except AlreadyExists as taken:
        return judge.key_taken(taken.remote_id, _find_by_our_keys(step, judge) if judge.can_query else None)
    except Rejected:
        made = _made_before(step, judge)
        if made is None:
            raise
        return judge.verified(made)
    return judge.added(remote_id)


def _made_before(step: Step, judge: Interpreter) -> RemoteRecord | None:
    """What the add had made whose repetition was refused: some targets compare it with the first one, and we may have
    been edited in between."""
    if step.lease.add_key is None or not judge.can_query:
        return None
    found = _find_by_our_keys(step, judge)
    return found if found is not None and judge.is_ours(found) else None


def _update(step: Step, judge: Interpreter, remote_id: str, goal: RemoteObject) -> StepResult:
    missed = _missed(
        step, judge, remote_id, lambda: step.connector.update(remote_id, goal, version=step.lease.generation)
    )
    return missed or judge.updated()


def _deactivate(step: Step, judge: Interpreter, remote_id: str) -> StepResult:
    missed = _missed(
        step, judge, remote_id, lambda: step.connector.deactivate(remote_id, version=step.lease.generation)
    )
    return missed or judge.deactivated(step.sent)


def _delete(step: Step, judge: Interpreter, remote_id: str) -> StepResult:
    return _missed(step, judge, remote_id, lambda: step.connector.delete(remote_id)) or judge.absent()


def _missed(step: Step, judge: Interpreter, remote_id: str, write: Callable[[], None]) -> StepResult | None:
    """What is settled where the write did not meet our record as it was known; None where it did."""
    try:
        write()
    except NotFound:
        return judge.vanished(_find_by_our_keys(step, judge) if judge.can_query else None)
    except VersionConflict:
        return judge.outdated(_look_up(step, remote_id=remote_id) if judge.can_query else None)
    return None


def _find(step: Step, judge: Interpreter) -> RemoteRecord | None:
    """Look the record up by every key there is; absent means absent by all of them.

    What somebody else has under our remote id by now is not what is looked for.
    """
    found = None
    if step.lease.remote_id is not None:
        found = _look_up(step, remote_id=step.lease.remote_id)
        if found is not None and judge.is_whole(found):
            return found
    return _best(judge, found, _find_by_our_keys(step, judge))


def _find_by_our_keys(step: Step, judge: Interpreter) -> RemoteRecord | None:
    found = _look_up(step, external_id=step.lease.external_id)
    if not step.lease.natural_key or (found is not None and judge.is_whole(found)):
        return found
    return _best(judge, found, _look_up(step, key=step.lease.natural_key))


def _best(judge: Interpreter, first: RemoteRecord | None, second: RemoteRecord | None) -> RemoteRecord | None:
    """The one that is more surely ours; of two alike the one that was found first, unless it is not ours at all."""
    if first is None or (second is not None and judge.is_whole(second)):
        return second
    return first if second is None or judge.is_ours(first) or judge.is_questionable(first) else second


def _look_up(step: Step, **key: str) -> RemoteRecord | None:
    if step.look_up_in_seconds is not None:
        raise _LookUpOff(step.look_up_in_seconds)
    if not step.lease.lasts(step.target.timeout_seconds):
        raise _OutOfTime
    return step.connector.find(**key)
