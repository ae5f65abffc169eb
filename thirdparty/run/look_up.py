"""A step's look-ups: the record by its keys at the target, while there is time to ask, and while asking is not off."""

from __future__ import annotations

from thirdparty.connectors.base import RemoteRecord
from thirdparty.connectors.errors import Transient
from thirdparty.decide.interpret import Interpreter
from thirdparty.run.step import Step


class OutOfTime(Transient):
    """The lease has too little time left for a look-up: neither the target's fault nor the record's."""

    def __init__(self) -> None:
        super().__init__("late", "the lease had too little time left to look the record up")


class LookUpOff(Transient):
    """The look-up that the target is said to offer is off for the moment: what rests on it is not done blindly."""

    def __init__(self, seconds: float) -> None:
        message = "the target is said to offer a look-up and answers it as if it did not: what needs it waits"
        super().__init__("look_up_off", message, retry_after_seconds=seconds)


def by_every_key(step: Step, judge: Interpreter) -> RemoteRecord | None:
    """Look the record up by every key there is; absent means absent by all of them.

    What somebody else has under our remote id by now is not what is looked for.
    """
    found = None
    if step.lease.remote_id is not None:
        found = by_one_key(step, remote_id=step.lease.remote_id)
        if found is not None and judge.is_whole(found):
            return found
    return _best(judge, found, by_our_keys(step, judge))


def by_our_keys(step: Step, judge: Interpreter) -> RemoteRecord | None:
    found = by_one_key(step, external_id=step.lease.external_id)
    for key in filter(None, (step.lease.natural_key, step.lease.former_key)):
        if found is not None and judge.is_whole(found):
            break
        found = _best(judge, found, by_one_key(step, key=key))
    return found


def _best(judge: Interpreter, first: RemoteRecord | None, second: RemoteRecord | None) -> RemoteRecord | None:
    """The one that is more surely ours; of two alike the one that was found first, unless it is not ours at all."""
    if first is None or (second is not None and judge.is_whole(second)):
        return second
    return first if second is None or judge.is_ours(first) or judge.is_questionable(first) else second


def by_one_key(step: Step, **key: str) -> RemoteRecord | None:
    if step.look_up_in_seconds is not None:
        raise LookUpOff(step.look_up_in_seconds)
    if not step.lease.lasts(step.target.timeout_seconds):
        raise OutOfTime
    return step.connector.find(**key)
