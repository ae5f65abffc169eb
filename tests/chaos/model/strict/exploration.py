"""Explores strict writes: what must hold in every state, and what once nothing happens any more."""

from __future__ import annotations

from tests.chaos.model.explorer import Exploration, Search
from tests.chaos.model.invariants import broken, unfinished
from tests.chaos.model.kept import kept
from tests.chaos.model.packing import Packing
from tests.chaos.model.strict.configuration import StrictConfiguration
from tests.chaos.model.strict.moves import StrictMoves
from tests.chaos.model.strict.rules import StrictRules
from tests.chaos.model.strict.state import Whole


@kept
def explored(configuration: StrictConfiguration) -> Exploration:
    """Explore under the product's own rules."""
    return explore(configuration, StrictRules())


def explore(configuration: StrictConfiguration, rules: StrictRules) -> Exploration:
    """Visit every state, or stop at the first violation."""
    return _StrictWrites(configuration, rules).run()


class _StrictWrites(Search):
    def __init__(self, configuration: StrictConfiguration, rules: StrictRules) -> None:
        super().__init__(configuration, StrictMoves(configuration, rules), Packing(Whole))

    def beginning(self) -> Whole:
        whole: Whole = self.configuration.beginning()
        return whole

    def broken(self, state: Whole) -> str:
        for index, side in enumerate(state.sides):
            what = broken(side, self.configuration.target)
            if what:
                return f"{what}, at target {index}"
        return ""

    def unfinished(self, state: Whole) -> str:
        if state.write or state.asker:
            return "I7: a strict write stands for ever"
        for index, side in enumerate(state.sides):
            what = unfinished(side, self.configuration.target) if state.in_use[index] else ""
            if what:
                return f"{what}, at target {index}"
        return ""

    def no_progress(self, state: Whole) -> int:
        return max(side.rows[0].no_progress for side in state.sides)
