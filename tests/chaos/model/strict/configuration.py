"""What one exploration of a strict write is about."""

from __future__ import annotations

from dataclasses import dataclass

from tests.chaos.model.configuration import Configuration
from tests.chaos.model.row import Row
from tests.chaos.model.state import Person, State
from tests.chaos.model.strict.state import Kind, Whole
from tests.chaos.model.target import Record, World


@dataclass(frozen=True, slots=True)
class StrictConfiguration:
    """``target``: what each of the two offers, and the budget of both; its stranger is at the first alone.

    ``joins``: the second comes into use while the run goes on. ``pauses``: how often a person pauses one.
    """

    name: str
    target: Configuration
    kind: Kind
    joins: bool = False
    pauses: int = 0

    def beginning(self) -> Whole:
        """Everything is level, and somebody is about to write strictly."""
        return Whole(
            self._level(),
            self._new() if self.joins else self._level(stranger=False),
            in_use=(True, not self.joins),
            joins=int(self.joins),
            pauses=self.pauses,
        )

    def _new(self) -> State:
        """Nothing has reached it yet."""
        return State((Person(active=self.kind != "activate"),), (Row(),), (), World(), (), self.target.budget)

    def _level(self, *, stranger: bool = True) -> State:
        there = self.kind != "activate"
        person = Person(active=there, shown=0, synced_seq=0)
        row = Row(synced=1, due="none", named=True, remote_id=1 if there else 0)
        records = (Record(1, 0, 0, int(self.target.offers.versions)),) if there else ()
        if stranger and self.target.stranger:
            records = self.target.records
        return State((person,), (row,), (), World(records), (), self.target.budget)
