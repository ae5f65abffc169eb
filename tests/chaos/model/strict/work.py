"""What the process of a strict write does at one target: claim, ask, judge, settle nothing but facts."""

from __future__ import annotations

from collections.abc import Iterator

from tests.chaos.model.configuration import Configuration
from tests.chaos.model.decision import Answer, Step, judge, plan
from tests.chaos.model.reduction import NOTHING_HELD
from tests.chaos.model.row import Result
from tests.chaos.model.rules import Memo
from tests.chaos.model.state import State, Worker
from tests.chaos.model.strict.rules import StrictRules
from tests.chaos.model.strict.state import ASKING, TOLD
from tests.chaos.model.transitions import WRITES
from tests.chaos.model.work import Event, Work


class StrictWork(Work):
    """The workers at one target, of whom one may be the process of a strict write."""

    def __init__(self, configuration: Configuration, rules: StrictRules, memo: Memo) -> None:
        super().__init__(configuration, rules.records, memo)
        self.strict = rules

    def claim_strictly(self, side: State, seq: int, *, present: bool) -> State | None:
        """The strict write's holder claims the row, for a candidate of this content; None where it may not."""
        row, person = side.rows[0], side.people[0]
        claimed = self.memo(self.strict.claim, row)
        if claimed is None:
            return None
        leased, held = claimed
        leased, held = leased._replace(crashes=0), held._replace(crashes=0)
        step = Step(0, held, seq, present, "", 0)
        step = step._replace(call=self.memo(plan, step, self.offers, self.rules.next_call, self.leaving))
        if step.call == "add":
            step = step._replace(key=self._key(step))
        leased = self.memo(self.rules.open_attempt, leased, step.call, step.key)
        if row.lease != "free":
            side = side.without_holder(0)
        if row.doing in WRITES and leased.recheck == "open":
            side = self._doubt(side, 0, row)
        asking = Worker(step, strict=ASKING[0] if person.present else ASKING[1])
        after = side.with_row(0, leased)
        return after._replace(workers=(*after.workers, asking))

    def of(self, state: State, position: int) -> Iterator[Event]:
        if state.workers[position].strict in TOLD:
            return
        yield from super().of(state, position)

    def _judged(self, state: State, position: int, answer: Answer, *, wrote: bool) -> tuple[State, str]:
        worker = state.workers[position]
        if not worker.strict:
            return super()._judged(state, position, answer, wrote=wrote)
        result: Result = self.memo(judge, worker.step, answer, self.offers, self.adopt, self.rules.judge)
        kept = self.memo(
            self.strict.facts, worker.step, result, brings=worker.strict == "unwanted" and worker.step.present
        )
        held = NOTHING_HELD._replace(generation=worker.step.held.generation)
        done = Worker(
            worker.step._replace(held=held, call="", key=0), phase="done", holds=worker.holds, frozen=worker.frozen,
            wrote=wrote, answer=Answer(_told(result)), result=kept, strict=worker.strict,
        )  # fmt: skip
        if worker.holds and state.rows[0].lease == "held":
            return self._settle(state.with_worker(position, None), done)
        return state.with_worker(position, done), ""

    def _settle(self, state: State, worker: Worker) -> tuple[State, str]:
        after, how = super()._settle(state, worker)
        if not worker.strict:
            return after, how
        assert worker.answer
        told = Worker(worker.step, phase="done", strict=worker.answer.kind if worker.holds else "refused")
        return after._replace(workers=(*after.workers, told)), f"{how}; {told.strict}"


def _told(result: Result) -> str:
    """What `thirdparty.consistency.strict.asking` makes of it."""
    if result.acknowledged:
        return "accepted"
    return "refused" if result.failed or result.next != "now" else "again"
