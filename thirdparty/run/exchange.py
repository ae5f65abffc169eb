"""What a step asks of its target, and the judgement of each answer: one call, and the look-ups that follow from it."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from thirdparty.connectors.base import RemoteObject, RemoteRecord
from thirdparty.connectors.errors import AlreadyExists, NotFound, Rejected, VersionConflict
from thirdparty.decide.interpret import Interpreter
from thirdparty.decide.plan import Call
from thirdparty.decide.result import StepResult
from thirdparty.run import look_up
from thirdparty.run.step import Step


def exchange(step: Step, judge: Interpreter) -> StepResult:
    """Ask the target what the step's call asks, and judge the answer. Raises `TargetError` for all that is none."""
    return _write(step, judge) if step.call.writes else _look(step, judge)


def _look(step: Step, judge: Interpreter) -> StepResult:
    """What only reads, or asks nothing."""
    match step.call:
        case Call.VERIFY:
            return judge.verified(look_up.by_our_keys(step, judge))
        case Call.CONFIRM:
            return judge.confirmed(look_up.by_every_key(step, judge))
        case Call.RECHECK:
            return judge.rechecked(look_up.by_every_key(step, judge)) if judge.can_query else judge.recheck_blindly()
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
        return judge.key_taken(taken.remote_id, look_up.by_our_keys(step, judge) if judge.can_query else None)
    except Rejected:
        made = _made_before(step, judge)
        # Of somebody who is gone nothing is said any more, which is refused where nothing had come: then there is none.
        if made is None and (step.wanted is not None or not judge.can_query):
            raise
        return judge.verified(made)
    return judge.added(remote_id)


def _made_before(step: Step, judge: Interpreter) -> RemoteRecord | None:
    """What the add had made whose repetition was refused: some targets compare it with the first one, and we may have
    been edited in between."""
    if step.lease.add_key is None or not judge.can_query:
        return None
    found = look_up.by_our_keys(step, judge)
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
    key = step.lease.natural_key
    try:
        write()
    except AlreadyExists:
        return judge.key_refused(look_up.by_one_key(step, key=key) if judge.can_query and key else None)
    except NotFound:
        return judge.vanished(look_up.by_our_keys(step, judge) if judge.can_query else None)
    except VersionConflict:
        return judge.outdated(look_up.by_one_key(step, remote_id=remote_id) if judge.can_query else None)
    return None
