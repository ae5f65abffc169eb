"""Everything that can happen next to a strict write and its two targets, one event at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from tests.chaos.model.configuration import Configuration
from tests.chaos.model.moves import Move, Moves
from tests.chaos.model.numbering import canonical
from tests.chaos.model.reduction import reduced
from tests.chaos.model.rules import Memo
from tests.chaos.model.state import State
from tests.chaos.model.strict.configuration import StrictConfiguration
from tests.chaos.model.strict.local import Local
from tests.chaos.model.strict.rules import StrictRules
from tests.chaos.model.strict.state import ASKING, TOLD, Whole, Write, dead, fresh, spent, without, worker_of
from tests.chaos.model.strict.stranger import with_our_phone
from tests.chaos.model.strict.work import StrictWork
from tests.chaos.model.work import WORKERS


class _Side(Moves):
    """What happens at one target by itself."""

    def __init__(self, configuration: Configuration, rules: StrictRules, memo: Memo) -> None:
        super().__init__(configuration, rules.records)
        self.memo = memo
        self.work: StrictWork = StrictWork(configuration, rules, memo)

    def by_itself(self, side: State, *, claims: bool) -> Iterator[Move]:
        yield from self._of_time(side, 0)
        if claims and len(side.workers) < WORKERS:
            for label, after, broken in self.work.claim(side, 0):
                yield Move(label, True, after, broken)
        for position in range(len(side.workers)):
            for label, cost, after, broken in self.work.of(side, position):
                yield self._spend(cost, label, after) if cost else Move(label, True, after, broken)
        for position, stray in enumerate(side.strays):
            yield from self._of_stray(side, position, stray)


class StrictMoves:
    """The moves of one configuration under one set of rules."""

    def __init__(self, configuration: StrictConfiguration, rules: StrictRules) -> None:
        self.configuration = configuration
        if configuration.target.stranger:
            records = replace(rules.records, judge=with_our_phone(rules.records.judge))
            rules = replace(rules, records=records)
        self.rules = rules
        self.memo = Memo()
        self.side = _Side(configuration.target, rules, self.memo)
        self.local = Local(configuration, rules, self.memo)

    def of(self, whole: Whole) -> Iterator[Move]:
        """All moves out of a state, each to a reduced and canonical state."""
        for label, driven, after, broken in self._all(whole):
            # That a stranger's record is ours by the policy is not known to those who land requests.
            harm = "" if self.configuration.target.stranger else broken
            yield Move(label, driven, self._canonical(after), harm or self._harm(whole, after))

    def _canonical(self, whole: Whole) -> Whole:
        offers = self.configuration.target.offers
        first, second = (canonical(reduced(side, offers)) for side in whole.sides)
        return whole._replace(first=first, second=second)

    def _harm(self, before: Whole, after: Whole) -> str:
        for index, (old, new) in enumerate(zip(before.sides, after.sides, strict=True)):
            gone = {record.id for record in old.world.records if record.foreign} - {
                record.id for record in new.world.records
            }
            if gone and not after.applied:
                return f"P7: a record that was at target {index} before the strict write is deleted"
        return ""

    def _all(self, whole: Whole) -> Iterator[Move]:
        yield from self._of_people(whole)
        yield from self._of_the_write(whole)
        for index, side in self._moving(whole):
            claims = not whole.closed[index] and whole.in_use[index]
            if whole.write and not whole.write.expired and self.rules.keeps_workers_out:
                claims = False
            for label, driven, after, broken in self.side.by_itself(side, claims=claims):
                name = f"target {index}: {label}"
                for how, each in self._heard(whole, index, after):
                    yield Move(f"{name}{how}", driven and not how, each, broken)

    def _moving(self, whole: Whole) -> list[tuple[int, State]]:
        """The targets whose moves are looked at: where nothing ties them together any more, one after the other."""
        sides = list(enumerate(whole.sides))
        budget = whole.budget
        tied = whole.write or whole.asker or whole.writes or whole.joins or whole.pauses or any(whole.closed)
        if tied or budget.edits or budget.deletes or budget.toggles:
            return sides
        for index, side in sides:
            if any(move.driven for move in self.side.by_itself(side, claims=whole.in_use[index])):
                return [(index, side)]
        return sides

    # -- the process of the strict write --------------------------------------------------

    def _heard(self, whole: Whole, index: int, side: State) -> Iterator[tuple[str, Whole]]:
        """What the process makes of what happened at this target. It may try again what was refused for a moment."""
        was_asking = worker_of(whole.sides[index], *ASKING) is not None
        after = whole.with_side(index, side)
        if worker_of(side, "again") is not None:
            yield "", after.with_side(index, without(side, "again"))
        elif worker_of(side, "refused") is not None:
            rest = after.with_side(index, without(side, "refused"))
            yield "", rest._replace(asker="take back")
            yield ", which is tried again", rest
        elif was_asking and worker_of(side, *ASKING, *TOLD) is None:
            yield "", dead(after)
        else:
            yield "", after

    def _of_the_write(self, whole: Whole) -> Iterator[Move]:
        write = whole.write
        if whole.writes and not write and not whole.asker:
            yield from self._opened(whole)
        if write and not whole.asker and not write.expired:
            yield Move(
                "the time of the strict write is over", True, whole._replace(write=write._replace(expired=True))
            )
        if write and whole.asker and not write.expired and whole.budget.freezes:
            late = whole._replace(write=write._replace(expired=True))
            yield Move("the process is frozen past its time", False, spent(late, "freezes"))
        if write and write.expired:
            yield Move("the reconciler takes the strict write back", True, self.local.taken_back(whole))
        if not whole.asker or any(worker_of(side, *ASKING) for side in whole.sides):
            return
        if whole.budget.kills:
            yield Move("the process of the strict write is killed", False, spent(dead(whole), "kills"))
        if not write:
            yield Move("the process finds its strict write gone", True, dead(whole))
        elif whole.asker == "take back":
            yield Move("the strict write is taken back", True, dead(self.local.taken_back(whole)))
        else:
            yield from self._next(whole, write)

    def _opened(self, whole: Whole) -> Iterator[Move]:
        busy = any(side.rows[0].lease == "held" for side in whole.sides)
        closed = any(shut and used for shut, used in zip(whole.closed, whole.in_use, strict=True))
        if self.rules.looks_first and (busy or closed):
            return
        person = whole.first.people[0]
        if (self.configuration.kind == "activate") == person.active or not person.exists:
            return
        known = tuple(index for index in (0, 1) if whole.in_use[index] and (self.rules.asks_all or index == 0))
        opened = whole._replace(write=Write(known, blind=closed), asker="ask", writes=whole.writes - 1)
        yield Move(f"a strict {self.configuration.kind} is opened", False, opened)

    def _next(self, whole: Whole, write: Write) -> Iterator[Move]:
        """The process asks the next target, or applies what all have accepted."""
        asked = next((index for index in write.known if worker_of(whole.sides[index], "accepted") is None), None)
        if asked is not None:
            claimed = None
            if not write.expired and not whole.closed[asked]:
                side = whole.sides[asked]
                seq = side.people[0].seq + 1 if write.base else fresh(side)
                claimed = self.side.work.claim_strictly(
                    side, seq, present=self.local.candidate(side.people[0]).present
                )
            if claimed is None:
                yield Move(f"target {asked} cannot be asked", True, whole._replace(asker="take back"))
            else:
                harm = "P14: a target is asked although another was closed" if write.blind else ""
                yield Move(f"target {asked} is asked", True, whole.with_side(asked, claimed), harm)
            return
        missing = [
            index for index in (0, 1) if whole.in_use[index] and worker_of(whole.sides[index], "accepted") is None
        ]
        changed = (self.rules.compares_base and not write.base) or (self.rules.compares and missing)
        if changed or write.expired:
            yield Move("the process finds that things have changed", True, whole._replace(asker="take back"))
            return
        harm = f"P14: applied although target {missing[0]} has not accepted" if missing else ""
        if not write.base:
            harm = "P14: applied over what somebody else wrote meanwhile"
        yield Move("the strict write is applied", True, self.local.applied(whole), harm)

    # -- people and time ------------------------------------------------------------------

    def _of_people(self, whole: Whole) -> Iterator[Move]:
        budget = whole.budget
        if whole.first.people[0].exists:
            if budget.edits:
                edited = self.local.written(whole)
                yield Move("the user is edited past the API", False, spent(edited, "edits"))
            if budget.deletes:
                deleted = self.local.written(whole, exists=False)
                yield Move("the user is deleted past the API", False, spent(deleted, "deletes"))
        if whole.joins:
            joined = whole._replace(in_use=(True, True), joins=whole.joins - 1)
            yield Move("target 1 comes into use", False, joined)
        if whole.pauses:
            for index in (0, 1):
                closed = tuple(each or at == index for at, each in enumerate(whole.closed))
                paused = whole._replace(closed=closed, pauses=whole.pauses - 1)
                yield Move(f"a person pauses target {index}", False, paused)
        for index in (0, 1):
            if whole.closed[index]:
                closed = tuple(each and at != index for at, each in enumerate(whole.closed))
                yield Move(f"a person resumes target {index}", True, whole._replace(closed=closed))
