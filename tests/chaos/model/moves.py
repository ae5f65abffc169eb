"""Everything that can happen next, one event at a time: what people, time and the network do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from tests.chaos.model import brake
from tests.chaos.model.brake import Braking, asks_anew
from tests.chaos.model.configuration import Configuration
from tests.chaos.model.hand import Hand, dropped
from tests.chaos.model.landing import land
from tests.chaos.model.numbering import canonical
from tests.chaos.model.reduction import reduced
from tests.chaos.model.references import is_circle, is_outdated, named_in_vain
from tests.chaos.model.row import Row
from tests.chaos.model.rules import Memo, Rules
from tests.chaos.model.state import Person, State, edited
from tests.chaos.model.target import Request, restored
from tests.chaos.model.transitions import WRITES
from tests.chaos.model.work import WORKERS, Work


class Move(NamedTuple):
    """``driven``: it happens by itself sooner or later; the others are people's doing or faults.

    ``broken``: the promise that this very event breaks.
    """

    label: str
    driven: bool
    after: State
    broken: str = ""


class Moves:
    """The moves of one configuration under one set of rules."""

    def __init__(self, configuration: Configuration, rules: Rules) -> None:
        self.configuration = configuration
        self.rules = rules
        self.memo = Memo()
        self.braking = Braking(configuration, rules, self.memo)
        self.work = Work(configuration, rules, self.memo)
        self.hand = Hand(configuration, rules, self.memo)

    def of(self, state: State) -> Iterator[Move]:
        """All moves out of a state, each to a reduced and canonical state."""
        offers, reduces = self.configuration.offers, not self.rules.lost_lease_settles
        for label, driven, after, broken in self._all(state):
            if after.decision:
                after = dropped(state, after, self.rules)  # noqa: PLW2901  # what is left of it
            if after.brake.chosen:
                after = brake.dropped(state, after, self.rules)  # noqa: PLW2901  # the same
            kept = reduced(after, offers) if reduces else after
            yield Move(label, driven, canonical(kept), broken)

    def _all(self, state: State) -> Iterator[Move]:
        yield from self._of_people(state)
        yield from self._of_the_partner(state)
        yield from self._of_the_version(state)
        yield from self._of_decisions(state)
        if self.configuration.refers:
            yield from self._of_references(state)
        for index in range(len(state.rows)):
            yield from self._of_time(state, index)
            if len(state.workers) < WORKERS:
                yield from self._claims(state, index)
        for position in range(len(state.workers)):
            for label, spent, after, broken in self.work.of(state, position):
                yield self._spend(spent, label, after) if spent else Move(label, True, after, broken)
        for position, stray in enumerate(state.strays):
            yield from self._of_stray(state, position, stray)

    def _of_decisions(self, state: State) -> Iterator[Move]:
        if state.decision or state.budget.decisions:
            for label, spent, after, broken in self.hand.of(state):
                yield self._spend(spent, label, after) if spent else Move(label, False, after, broken)
        if self.braking.is_there:
            for label, spent, driven, after in self.braking.of(state):
                yield self._spend(spent, label, after) if spent else Move(label, driven, after)

    def _claims(self, state: State, index: int) -> Iterator[Move]:
        for label, after, broken in self.work.claim(state, index):
            yield Move(label, True, after, broken)
        if state.budget.slips and state.people[index].raised:
            for label, after, broken in self.work.claim(state, index, outdated=True):
                yield self._spend("slips", label, after)._replace(broken=broken)

    def _of_people(self, state: State) -> Iterator[Move]:  # noqa: C901  # one thing after the other that people may do
        budget = state.budget
        # What is written to an id that a stranger has by now, before everything is owed anew, is a limit.
        quiet = state.world.restored and self.configuration.newcomers
        for index, person in enumerate(state.people):
            if not person.exists:
                continue
            row: Row = self.memo(self.rules.changed, state.rows[index])
            before = state if row.lease != "free" else state.without_holder(index)
            if budget.edits and not quiet:
                yield self._spend("edits", f"user {index} is edited", before.with_row(index, row, edited(person)))
            if budget.renames:
                yield from self._renamed(state, index, before.with_row(index, row))
            if budget.toggles and not quiet:
                toggled = person._replace(seq=person.seq + 1, active=not person.active, rejected=False)
                word = "activated" if toggled.active else "deactivated"
                yield self._spend("toggles", f"user {index} is {word}", before.with_row(index, row, toggled))
            if budget.switches:
                other = -1 if person.names >= 0 else self.configuration.refers[index]
                if other >= 0 or person.names >= 0:
                    word = f"refers to user {other}" if other >= 0 else "refers to nobody"
                    switched = edited(person)._replace(names=other)
                    yield self._spend("switches", f"user {index} {word}", before.with_row(index, row, switched))
        first = state.people[0]
        for index in range(len(state.people) if budget.deletes else 0):
            if not self._may_be_deleted(state, index):
                continue
            row = self.memo(self.rules.gone, state.rows[index])
            gone = edited(state.people[index])._replace(exists=False)
            yield self._spend("deletes", f"user {index} is deleted", state.with_row(index, row, gone))
        distinct = self.configuration.offers.distinct
        free = distinct or not first.exists or bool(first.key)
        if budget.creates and len(state.people) == 1 and free:
            again = state._replace(people=(first, Person()), rows=(state.rows[0], Row()))
            username = "a username of their own" if distinct else "the same username"
            yield self._spend("creates", f"user 1 is created with {username}", again)

    def _renamed(self, state: State, index: int, owed: State) -> Iterator[Move]:
        """``owed``: the state once the row is owed. The database has one user of each username."""
        person = state.people[index]
        taken = {person.key, *(other.key for other in state.people if other.exists)}
        for key in set(range(self.configuration.usernames)) - taken:
            called = owed.with_row(index, owed.rows[index], edited(person)._replace(key=key))
            yield self._spend("renames", f"user {index} has another username", called)

    def _may_be_deleted(self, state: State, index: int) -> bool:
        """The database keeps whoever others refer to. Without references, one deletion is as good as another."""
        if not self.configuration.refers:
            return index == 0 and state.people[0].exists
        named = any(other.exists and other.names == index for other in state.people)
        return state.people[index].exists and not named

    def _of_references(self, state: State) -> Iterator[Move]:
        """Whoever settles looks, and so does every tick: at any moment, then."""
        rows, noted = state.rows, state.references
        for index, row in enumerate(rows):
            arrived = row.waits_for >= 0 and rows[row.waits_for].remote_id != 0
            freed = all((each.record, each.on) != (row.held_by, index) for each in noted)
            woken = self.memo(self.rules.woken, row, arrived=arrived, freed=freed)
            if woken != row:
                yield Move(f"row {index} waits no longer", True, state.with_row(index, woken))
            elif row.due == "later" and (self._is_in_circle(rows, index) or self._is_named_in_vain(state, index)):
                after = state.with_row(index, row._replace(due="now"))
                yield Move(f"row {index} is looked at after five minutes", True, after)
        for record in {each.record for each in noted if is_outdated(state, each)}:
            followed = self.memo(self.rules.followed, rows[record])
            if followed != rows[record]:
                what = f"row {record} is owed, since it was sent with another remote id"
                yield Move(what, True, state.with_row(record, followed))
        if state.budget.losses:
            for lost in state.world.records:
                records = tuple(each for each in state.world.records if each is not lost)
                after = state._replace(world=state.world._replace(records=records, restored=True))
                yield self._spend("losses", f"the third party loses record {lost.id}", after)

    @staticmethod
    def _is_in_circle(rows: tuple[Row, ...], index: int) -> bool:
        return rows[index].waits_for >= 0 and is_circle(rows, index, rows[index].waits_for)

    @staticmethod
    def _is_named_in_vain(state: State, index: int) -> bool:
        """A look that finds the record there changes nothing."""
        row = state.rows[index]
        there = any(record.id == row.remote_id for record in state.world.records)
        parked = [each.parked for each in state.rows]
        return row.held_by >= 0 and not there and named_in_vain(state.references, parked, index)

    def _of_the_version(self, state: State) -> Iterator[Move]:
        """``migrate`` raises it, and each row is owed for it some time later."""
        if state.budget.raises:
            people = tuple(_of_new_version(person) for person in state.people)
            workers = tuple(worker._replace(outdated=True) for worker in state.workers)
            yield self._spend("raises", "the version rises", state._replace(people=people, workers=workers))
        for index, person in enumerate(state.people):
            if person.behind:
                row = self.memo(self.rules.owe_raised, state.rows[index])
                after = state.with_row(index, row, asks_anew(person)._replace(behind=False))
                yield Move(f"row {index} is owed for the new version", True, after)

    def _of_the_partner(self, state: State) -> Iterator[Move]:
        world = state.world
        writing = any(worker.phase == "asking" and worker.step.call in WRITES for worker in state.workers)
        at_rest = not state.decision and all(row.due == "none" for row in state.rows)
        quiet = at_rest or not (self.configuration.newcomers or self.configuration.restored_at_rest)
        if state.budget.restores and not state.strays and not writing and quiet:
            given_out = {record.id for record in world.records} | {row.remote_id for row in state.rows}
            before = restored(self.configuration.records, self.configuration.newcomers, given_out)
            yield self._spend("restores", "the third party is restored from its backup", state._replace(world=before))
        if world.restored:
            rows = tuple(self.memo(self.rules.owe_again, row) for row in state.rows)
            people = tuple(asks_anew(person) for person in state.people)
            after = state._replace(people=people, rows=rows, world=world._replace(restored=False))
            yield Move("everything is owed anew", True, after)

    def _of_time(self, state: State, index: int) -> Iterator[Move]:
        row = state.rows[index]
        if row.lease == "held" and state.budget.freezes:
            workers = tuple(
                worker._replace(frozen=True) if worker.holds and worker.step.row == index else worker
                for worker in state.workers
            )
            after = state.with_row(index, row._replace(lease="expired"))._replace(workers=workers)
            yield self._spend("freezes", f"the worker on row {index} is frozen until its lease has run out", after)
        if row.left == "stays" and state.budget.days:
            over = state.with_row(index, row._replace(left="over"))
            yield self._spend("days", f"the days of row {index} are over", over)
        owed: Row = self.memo(self.rules.owe_deletion, row)
        if owed != row:
            anew = state.with_row(index, owed, asks_anew(state.people[index]))
            yield Move(f"the deletion of row {index} is owed", True, anew)
        others = (other for number, other in enumerate(state.rows) if number != index)
        waits = row.waits_for >= 0 or row.held_by >= 0
        if row.due == "later" and not waits and all(other.due in ("none", "later") for other in others):
            yield Move(f"row {index} has waited", True, state.with_row(index, row._replace(due="now")))
        if row.recheck == "open":
            yield Move(f"the window of row {index} is over", True, self._window_over(state, index))

    def _window_over(self, state: State, index: int) -> State:
        """What was sent before the window was opened has landed by now, or never will."""
        after = state.with_row(index, state.rows[index]._replace(recheck="over"))
        unsent = self.configuration.frozen_senders
        return after._replace(
            strays=tuple(stray for stray in state.strays if not stray.covered >> index & 1),
            workers=tuple(
                worker._replace(dropped=not unsent, covered=0) if worker.covered >> index & 1 else worker
                for worker in state.workers
            ),
        )

    def _of_stray(self, state: State, position: int, stray: Request) -> Iterator[Move]:
        without = state._replace(strays=(*state.strays[:position], *state.strays[position + 1 :]))
        after, answer, broken = land(without, stray, self.configuration.offers, self.configuration.adopt)
        name = f"the abandoned {stray.call} of row {stray.row}"
        yield Move(f"{name} lands late: {answer.kind}", True, after, broken)
        if self.configuration.frozen_senders and not stray.covered:
            yield Move(f"{name} is lost", True, without)

    @staticmethod
    def _spend(what: str, label: str, after: State) -> Move:
        budget = after.budget._replace(**{what: getattr(after.budget, what) - 1})
        return Move(label, False, after._replace(budget=budget))


def _of_new_version(person: Person) -> Person:
    """Whoever is absent has no content, of whatever version."""
    newer = edited(person) if person.present else person
    return newer._replace(raised=True, behind=True, rejected=person.rejected)
