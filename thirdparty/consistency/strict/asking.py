"""Ask the targets, one after the other, whether they accept a candidate."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from thirdparty import targets
from thirdparty.connectors.base import RemoteObject
from thirdparty.consistency.patience import retrying
from thirdparty.consistency.strict import readiness
from thirdparty.consistency.strict.errors import Verdict
from thirdparty.consistency.strict_payload import Asked, asked_of
from thirdparty.decide.brake import HELD_BY_BRAKE
from thirdparty.decide.plan import Call, parting
from thirdparty.decide.result import Next
from thirdparty.declaration import Unmappable
from thirdparty.declaration.at_target import WaitsFor
from thirdparty.models import Record, StrictWrite
from thirdparty.protect import brake
from thirdparty.run import destruction
from thirdparty.run.push import Pushed
from thirdparty.run.until_done import Ending, push_until_done


@dataclass(frozen=True, slots=True)
class Accepted:
    """What one target took: the candidate, at this generation of the record; ``adopted``: as the row's."""

    target: str
    key: str
    generation: int
    adopted: str
    asked: Asked

    def covers(self, row: Record, strict_write: StrictWrite) -> bool:
        """Whether nothing came since. What the candidate is read through may have changed, owed to nobody: it is not saved."""
        return row.generation == self.generation and asked_of(strict_write, self.target).payload == self.asked.payload


def ask_all(strict_write: StrictWrite, names: Sequence[str], deadline: float) -> tuple[list[Verdict], list[Accepted]]:
    """Ask these targets in this order, until one does not accept: what each said, and the acceptances.

    No try begins after ``deadline``, on this process's monotonic clock.
    """
    verdicts: list[Verdict] = []
    accepted: list[Accepted] = []
    refused = {name: verdict for name in names if (verdict := _braked(strict_write, name)) is not None}
    if refused:
        other = "another target's brake is on"
        return [refused.get(name) or readiness.not_asked(name, other) for name in names], []
    for name in names:
        if verdicts and not verdicts[-1].accepted:
            verdicts.append(readiness.not_asked(name, "another target refused first"))
            continue
        question = _Question(strict_write, name)
        ask = retrying(lambda answer: answer.passes, within_seconds=deadline - time.monotonic())
        answer: _Answer = ask(question.put)
        verdicts.append(answer.verdict)
        if answer.accepted is not None:
            accepted.append(answer.accepted)
    return verdicts, accepted


def _braked(strict_write: StrictWrite, name: str) -> Verdict | None:
    """The refusal of a candidate that takes something away from a target whose brake is on; looked at before any is asked."""
    row = Record.objects.filter(key=strict_write.ref.key(name)).first()
    if row is None or row.remote_id is None or not brake.latched(name):
        return None
    try:
        payload = asked_of(strict_write, name).payload
    except (Unmappable, WaitsFor):
        return None  # the step says so itself
    wanted = None if payload is None else RemoteObject("", row.natural_key, payload)
    call = Call.UPDATE if wanted is not None else parting(targets.config(name).leaving, days_over=False)
    change = destruction.effect(call, wanted, row.sent, targets.connector(name, row.kind)).change
    if change is None:
        return None
    message = f"the target's brake is on, and this would {change.would}"
    return Verdict(name, accepted=False, reason=HELD_BY_BRAKE, message=message)


@dataclass(frozen=True, slots=True)
class _Answer:
    """``passes``: another try may change it."""

    verdict: Verdict
    accepted: Accepted | None = None
    passes: bool = False


class _Question:
    """A candidate that is put to one target, as often as it takes."""

    def __init__(self, strict_write: StrictWrite, name: str) -> None:
        self._strict_write = strict_write
        self._name = name
        self._key = strict_write.ref.key(name)
        # Why the record is ours; the row says "trust" until the candidate is accepted (`thirdparty.consistency.strict_payload`).
        self._adopted: str | None = None

    def put(self) -> _Answer:
        """One try: steps until the target has accepted or refused."""
        asked = self._asked()
        course = push_until_done(
            self._name,
            self._key,
            strict=self._strict_write.token,
            goes_on=lambda pushed: not _is_answered(pushed),
            noted=self._note,
        )
        last = course.last
        if last is None or course.ending is Ending.NOT_OURS:
            return _Answer(self._unavailable(), passes=True)
        if course.ending is Ending.CUT_SHORT:
            return self._refused("undecided", "the target keeps changing")
        if last.row is None:
            return self._refused("late", "the answer came too late")
        if last.row.parked:
            # A candidate's step parks nothing: what the target answered could not be kept, so it cannot be relied on.
            return self._refused(last.row.parked, last.row.last_error)
        result = last.settlement
        if result.acknowledged:
            accepted = Accepted(self._name, self._key, last.lease.generation, self._adopted or "", asked)
            return _Answer(Verdict(self._name, accepted=True), accepted)
        if result.failed:
            return self._refused(result.reason, result.message, passes=not result.parked)
        return self._refused("unknown", "an unanswered request may still take effect", passes=True)

    def _asked(self) -> Asked:
        try:
            return asked_of(self._strict_write, self._name)
        except (Unmappable, WaitsFor):
            return Asked()  # the step says so itself

    def _note(self, pushed: Pushed) -> None:
        if self._adopted is None or pushed.settlement.adopted != pushed.lease.adopted:
            self._adopted = pushed.settlement.adopted

    def _refused(self, reason: str, message: str, *, passes: bool = False) -> _Answer:
        return _Answer(Verdict(self._name, accepted=False, reason=reason, message=message), passes=passes)

    def _unavailable(self) -> Verdict:
        found = readiness.obstacle(self._name, self._strict_write.ref, self._strict_write.natural_key)
        return found or Verdict(
            self._name, accepted=False, reason="unavailable", message="nothing is sent to the target at present"
        )


def _is_answered(pushed: Pushed) -> bool:
    """Whether another step would be of no use at present."""
    result = pushed.settlement
    settled = result.acknowledged or result.failed or result.next is not Next.NOW
    return settled or (pushed.row is not None and bool(pushed.row.parked))
