"""The transactions here that both targets learn of: an accepted change, one taken back, somebody else's."""

from __future__ import annotations

from tests.chaos.model.landing import own
from tests.chaos.model.row import Row
from tests.chaos.model.rules import Memo
from tests.chaos.model.state import Person, State
from tests.chaos.model.strict import statements
from tests.chaos.model.strict.configuration import StrictConfiguration
from tests.chaos.model.strict.rules import StrictRules
from tests.chaos.model.strict.state import Whole, fresh, without, worker_of


class Local:
    """The transactions of one configuration under one set of rules."""

    def __init__(self, configuration: StrictConfiguration, rules: StrictRules, memo: Memo) -> None:
        self.configuration = configuration
        self.rules = rules
        self.memo = memo

    def candidate(self, person: Person) -> Person:
        """The user as the strict write wants them."""
        kind = self.configuration.kind
        return person._replace(exists=kind != "delete", active=person.active or kind == "activate")

    def applied(self, whole: Whole) -> Whole:
        """The strict write ends with its change: `thirdparty.consistency.strict.applying`."""
        after = whole._replace(write=(), asker="", applied=True)
        for index, side in enumerate(whole.sides):
            after = after.with_side(index, self._applied_at(side, in_use=whole.in_use[index]))
        return after

    def _applied_at(self, side: State, *, in_use: bool) -> State:
        row, person = side.rows[0], self.candidate(side.people[0])
        person = person._replace(seq=person.seq + 1)
        if not in_use:
            return side.with_row(0, row, person)
        accepted = worker_of(side, "accepted")
        level = accepted is not None and row.generation == accepted.step.held.generation
        change = statements.wanted if person.exists else self.rules.records.gone
        row = self.memo(change, row)
        if level:
            # The row says "trust" until now, where it is the policy that made the record ours.
            policy = self.configuration.target.adopt
            acknowledged: Row = self.memo(statements.acknowledge, row, policy if row.adopted else "")
            if acknowledged.synced == acknowledged.generation:
                person = person._replace(synced_seq=person.seq)
            row = acknowledged
        if not person.present and not own(side.world, 0, self.configuration.target.offers):
            person = person._replace(shown=max(person.shown, person.seq))
        return without(side.with_row(0, row, person), "accepted")

    def taken_back(self, whole: Whole) -> Whole:
        """The strict write ends without: `thirdparty.consistency.strict.taking_back`."""
        after = whole._replace(write=())
        for index, side in enumerate(whole.sides):
            row, person = side.rows[0], side.people[0]
            if row.synced < row.generation:
                # Whatever the target took, the user as they are is newer than it.
                seq = fresh(side)
                shown = (
                    person.shown
                    if person.present or own(side.world, 0, self.configuration.target.offers)
                    else max(person.shown, seq)
                )
                person = person._replace(seq=seq, shown=shown)
            after = after.with_side(index, side.with_row(0, self.memo(self.rules.owe_undoing, row), person))
        return after

    def written(self, whole: Whole, **facts: bool) -> Whole:
        """Somebody writes the user past the API, which sees no strict write."""
        after = whole._replace(write=whole.write._replace(base=False) if whole.write else ())
        for index, side in enumerate(whole.sides):
            person = side.people[0]._replace(**facts)
            if not whole.in_use[index]:
                after = after.with_side(index, side.with_row(0, side.rows[0], person))
                continue
            seq = fresh(side)
            shown = (
                seq
                if not person.present and not own(side.world, 0, self.configuration.target.offers)
                else person.shown
            )
            change = self.rules.records.changed if person.exists else self.rules.records.gone
            person = person._replace(seq=seq, shown=shown)
            after = after.with_side(index, side.with_row(0, self.memo(change, side.rows[0]), person))
        return after
