"""One state of a strict write and the two targets that it asks."""

from __future__ import annotations

from typing import Literal, NamedTuple

from tests.chaos.model.state import Budget, State, Worker

Kind = Literal["update", "delete", "activate"]
ASKING = ("wanted", "unwanted")
"""What `Worker.strict` is while a candidate is put to a target: whether a record is wanted there anyway."""
TOLD = ("accepted", "again", "refused")
"""What it is once the target has answered. An acceptance is kept until the strict write ends."""


class Write(NamedTuple):
    """The row of `StrictWrite`. ``known``: the targets that its process means to ask. ``base``: the user is as the
    candidate was made from. ``blind``: for the invariants alone: a target was closed when it was opened.
    """

    known: tuple[int, ...] = (0, 1)
    base: bool = True
    expired: bool = False
    blind: bool = False


class Whole(NamedTuple):
    """``first``, ``second``: the targets, in the order in which they are asked. ``in_use``, ``closed``: of each.

    ``write``: the strict write, while it stands. ``asker``: what its process is about to do: ``ask``, ``take back``,
    or empty once it is over or dead. ``writes``, ``joins``, ``pauses``: how many strict writes may yet be opened, how
    often a target may come into use and be paused. ``applied``: for the invariants alone.
    """

    first: State
    second: State
    in_use: tuple[bool, bool] = (True, True)
    closed: tuple[bool, bool] = (False, False)
    write: Write | tuple[()] = ()
    asker: str = ""
    writes: int = 1
    joins: int = 0
    pauses: int = 0
    applied: bool = False

    @property
    def sides(self) -> tuple[State, State]:
        return self.first, self.second

    @property
    def budget(self) -> Budget:
        """One for both."""
        return self.first.budget

    def with_side(self, index: int, side: State) -> Whole:
        """The same with this target as it is now; what was spent there is spent at both."""
        sides = [each._replace(budget=side.budget) for each in self.sides]
        sides[index] = side
        return self._replace(first=sides[0], second=sides[1])


def worker_of(side: State, *kinds: str) -> Worker | None:
    """The worker that is at this with a strict write, if there is one."""
    return next((worker for worker in side.workers if worker.strict in kinds), None)


def without(side: State, *kinds: str) -> State:
    """The same without those workers."""
    if worker_of(side, *kinds) is None:
        return side
    return side._replace(workers=tuple(worker for worker in side.workers if worker.strict not in kinds))


def dead(whole: Whole) -> Whole:
    """The process is over: what it knew is gone, the strict write stands as it is."""
    first, second = (without(side, "accepted") for side in whole.sides)
    return whole._replace(first=first, second=second, asker="")


def spent(whole: Whole, what: str) -> Whole:
    """The same, with one less to spend, at both."""
    budget = whole.budget._replace(**{what: getattr(whole.budget, what) - 1})
    first, second = (side._replace(budget=budget) for side in whole.sides)
    return whole._replace(first=first, second=second)


def fresh(side: State) -> int:
    """A content that is newer than all that is known at this target."""
    person = side.people[0]
    numbers = [person.seq, person.shown, person.synced_seq, person.refused]
    numbers += [worker.step.seq for worker in side.workers] + [stray.seq for stray in side.strays]
    return max([*numbers, *(record.seq for record in side.world.records if record.owner == 0)]) + 1
