"""The search through all that happens to the records of one target.

What may happen next depends on the budget only in that nothing is spent of which nothing is left: no move and no invariant asks
for more. So the moves of states that differ in their budgets alone are found once for most of them.
"""

from __future__ import annotations

from itertools import islice
from typing import NamedTuple

from tests.chaos.model import brake
from tests.chaos.model.configuration import Configuration
from tests.chaos.model.explorer import Exploration, Search, Violation
from tests.chaos.model.invariants import broken, unfinished
from tests.chaos.model.moves import Moves
from tests.chaos.model.packing import Packing
from tests.chaos.model.rules import Rules
from tests.chaos.model.state import Budget, State, beginning

_NOTHING = len(Budget._fields)


def explore(configuration: Configuration, rules: Rules) -> Exploration:
    """Visit every state, or stop at the first violation."""
    return _Records(configuration, rules).run()


class _Step(NamedTuple):
    """A move as far as it is the same for every budget. ``spends``: the place of that in the budget, or `_NOTHING`.

    ``after``: the packed state without its budget.
    """

    driven: bool
    spends: int
    after: int
    harm: str


class _Records(Search):
    def __init__(self, configuration: Configuration, rules: Rules) -> None:
        super().__init__(configuration, Moves(configuration, rules), Packing())
        self._bits = self.packing.bits_of("budget")
        self._steps: dict[int, tuple[int, list[_Step]]] = {}
        self._left: dict[int, tuple[int, list[int]]] = {}
        self._facts: dict[int, tuple[int, str]] = {}

    def beginning(self) -> State:
        told = self.configuration
        return beginning(told.budget, told.records, level=told.backed_up, names=told.refers or (-1,))

    def broken(self, state: State) -> str:
        what = broken(state, self.configuration)
        return what or (brake.broken(state) if self.configuration.budget.latches else "")

    def unfinished(self, state: State) -> str:
        return unfinished(state, self.configuration)

    def no_progress(self, state: State) -> int:
        return max(row.no_progress for row in state.rows)

    def _expand(self, position: int, result: Exploration) -> Violation | None:
        packed = self.packed[position]
        budget = packed & self._bits
        some, left = self._left_of(budget)
        quiet, taken = True, 0
        for driven, spends, rest, harm in self._steps_of(packed ^ budget, some):
            if left[spends] < 0:
                continue
            taken += 1
            result.moves += 1
            if harm:
                return self._violated(harm, position, taken)
            after, known = rest | left[spends], len(self.packed)
            number = self.numbers.setdefault(after, known)
            if number == known:
                self.packed.append(after)
                self.parents.append(position)
                no_progress, what = self._facts_of(rest)
                result.longest = max(result.longest, no_progress)
                if what:
                    return self._violated(what, position, taken)
            if driven:
                quiet = False
                self.sources.append(position)
                self.destinations.append(number)
        return self._at_rest(position, result) if quiet else None

    def _at_rest(self, position: int, result: Exploration) -> Violation | None:
        state = self.packing.unpack(self.packed[position])
        result.quiescent += 1
        result.at_rest.append(state)
        what = self.unfinished(state)
        return Violation(what, self._trace(position), state) if what else None

    def _violated(self, what: str, position: int, taken: int) -> Violation:
        """``taken``: by so many moves out of that state, and the last of them did it."""
        moves = self.moves.of(self.packing.unpack(self.packed[position]))
        last = next(islice(moves, taken - 1, None))
        return self._violation(what, position, last.label, last.after)

    def _steps_of(self, rest: int, some: int) -> list[_Step]:
        """At least those that spend nothing but what there is ``some`` of."""
        found, steps = self._steps.get(rest, (-1, []))
        if found < 0 or some & ~found:
            found = some if found < 0 else found | some
            budget = Budget(*(found >> place & 1 for place in range(_NOTHING)))
            state = self.packing.unpack(rest)._replace(budget=budget)
            steps = [
                _Step(driven, _spent(budget, after.budget), self.packing.pack(after) & ~self._bits, harm)
                for _, driven, after, harm in self.moves.of(state)
            ]
            self._steps[rest] = found, steps
        return steps

    def _facts_of(self, rest: int) -> tuple[int, str]:
        if rest not in self._facts:
            state = self.packing.unpack(rest)
            self._facts[rest] = (self.no_progress(state), self.broken(state))
        return self._facts[rest]

    def _left_of(self, budget: int) -> tuple[int, list[int]]:
        """Of what there is some, a bit each; and the packed budget after spending one of each, -1 where none is left, in the end
        as it is.
        """
        if budget not in self._left:
            now: Budget = self.packing.unpack(budget).budget
            some = sum(1 << place for place, count in enumerate(now) if count)
            spent = (now._replace(**{name: count - 1}) for name, count in now._asdict().items())
            left = [-1 if -1 in after else self.packing.packed("budget", after) for after in spent]
            self._left[budget] = some, [*left, budget]
        return self._left[budget]


def _spent(before: Budget, after: Budget) -> int:
    if after == before:
        return _NOTHING
    return next(place for place, count in enumerate(before) if count != after[place])
