"""Breadth-first search through all interleavings; a violation comes with its shortest trace."""

from __future__ import annotations

import gc
import time
from array import array
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.model.packing import Packing
from tests.chaos.model.rules import Memo

LIVELOCK = "I7: a circle of steps that never ends"


@dataclass(frozen=True, slots=True)
class Violation:
    """``what`` begins with the invariant's short name; ``trace`` leads there from the beginning."""

    what: str
    trace: tuple[str, ...]
    state: Any

    def __str__(self) -> str:
        lines = [self.what, *(f"{number:4}. {label}" for number, label in enumerate(self.trace, start=1))]
        return "\n".join([*lines, *(f"      {name}: {value}" for name, value in self.state._asdict().items())])


@dataclass(slots=True)
class Exploration:
    """What a search came to. ``longest``: so many steps of one generation without an acknowledgement were taken.
    ``at_rest``: the states in which nothing happens any more by itself.
    """

    configuration: Any
    states: int = 0
    moves: int = 0
    quiescent: int = 0
    seconds: float = 0.0
    longest: int = 0
    violation: Violation | None = None
    memo: Memo = field(default_factory=Memo, repr=False)
    at_rest: list[Any] = field(default_factory=list, repr=False)


class Search:
    """Visits every state that ``moves`` lead to. What a state is, where it begins and what must hold, subclasses say."""

    def __init__(self, configuration: Any, moves: Any, packing: Packing) -> None:
        self.configuration = configuration
        self.moves = moves
        self.packing = packing
        self.numbers: dict[int, int] = {}
        self.packed: list[int] = []
        self.parents = array("q")
        # The driven moves, source and destination, to look for circles afterwards.
        self.sources, self.destinations = array("I"), array("I")

    def beginning(self) -> Any:
        raise NotImplementedError

    def broken(self, state: Any) -> str:
        """The invariant that this state breaks, in words; empty for none."""
        raise NotImplementedError

    def unfinished(self, state: Any) -> str:
        """What is wrong in a state in which nothing happens any more by itself; empty for nothing."""
        raise NotImplementedError

    def no_progress(self, state: Any) -> int:
        """How many steps a record has taken without an acknowledgement."""
        raise NotImplementedError

    def run(self) -> Exploration:
        """Every state, or as many as it takes to the first violation."""
        # States have no circles: walking through hundreds of thousands of them finds nothing to collect.
        collects = gc.isenabled()
        gc.disable()
        try:
            return self._search()
        finally:
            if collects:
                gc.enable()

    def _search(self) -> Exploration:
        started = time.perf_counter()
        result = Exploration(self.configuration, memo=self.moves.memo)
        self._number(self.beginning(), -1)
        position = 0
        while position < len(self.packed) and result.violation is None:
            result.violation = self._expand(position, result)
            position += 1
        if result.violation is None:
            result.violation = self._livelock()
        result.states = len(self.packed)
        result.seconds = time.perf_counter() - started
        return result

    def _expand(self, position: int, result: Exploration) -> Violation | None:
        state = self.packing.unpack(self.packed[position])
        quiet = True
        for label, driven, after, harm in self.moves.of(state):
            result.moves += 1
            if harm:
                return self._violation(harm, position, label, after)
            known = len(self.packed)
            number = self._number(after, position)
            if number == known:
                result.longest = max(result.longest, self.no_progress(after))
                what = self.broken(after)
                if what:
                    return self._violation(what, position, label, after)
            if driven:
                quiet = False
                self.sources.append(position)
                self.destinations.append(number)
        if quiet:
            result.quiescent += 1
            result.at_rest.append(state)
            what = self.unfinished(state)
            if what:
                return Violation(what, self._trace(position), state)
        return None

    def _number(self, state: Any, parent: int) -> int:
        packed = self.packing.pack(state)
        number = self.numbers.setdefault(packed, len(self.packed))
        if number == len(self.packed):
            self.packed.append(packed)
            self.parents.append(parent)
        return number

    def _violation(self, what: str, position: int, label: str, after: Any) -> Violation:
        return Violation(what, (*self._trace(position), label), after)

    def _trace(self, position: int) -> tuple[str, ...]:
        labels = []
        while (parent := self.parents[position]) >= 0:
            here = self.packed[position]
            moves = self.moves.of(self.packing.unpack(self.packed[parent]))
            labels.append(next(move.label for move in moves if self.packing.pack(move.after) == here))
            position = parent
        return tuple(reversed(labels))

    def _livelock(self) -> Violation | None:
        """Remove, again and again, what no remaining driven move leads to: what is left has a circle."""
        count = len(self.packed)
        incoming, starts = array("I", bytes(4 * count)), array("I", bytes(4 * (count + 1)))
        for destination in self.destinations:
            incoming[destination] += 1
        for source in self.sources:
            starts[source + 1] += 1
        for number in range(count):
            starts[number + 1] += starts[number]
        # Sources were appended in order, so a state's moves are neighbours.
        ready = [number for number in range(count) if not incoming[number]]
        left = count
        while ready:
            number = ready.pop()
            left -= 1
            for edge in range(starts[number], starts[number + 1]):
                destination = self.destinations[edge]
                incoming[destination] -= 1
                if not incoming[destination]:
                    ready.append(destination)
        if not left:
            return None
        position = next(number for number in range(count) if incoming[number])
        return Violation(LIVELOCK, self._trace(position), self.packing.unpack(self.packed[position]))
