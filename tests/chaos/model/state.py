"""One state of everything: people, rows, workers, the third party, and what may still go wrong."""

from __future__ import annotations

from typing import Literal, NamedTuple

from tests.chaos.model.decision import Answer, Step
from tests.chaos.model.row import Link, Result, Row
from tests.chaos.model.target import BARE, Record, Request, World
from tests.chaos.model.transitions import WRITES

Phase = Literal["claimed", "asking", "answered", "done"]
"""``claimed``: has to read the user yet. ``asking``: from the attempt to the answer. ``answered``: has to look something up yet. ``done``: has to settle."""


class Person(NamedTuple):
    """A user. ``seq``: their edits so far, the deletion too; and the versions of their declaration.

    ``key``: which username they have now. ``names``: the user whom they refer to; -1 for none. ``raised``: the version has risen; of an older one, their content is just below the newest. ``behind``: their row is
    yet to be owed for it.

    For the invariants alone: ``shown``: the newest content that the target has ever held;
    ``synced_seq``: the content at ``synced_generation``; ``refused``: the content that the target refused; ``believed``:
    the content that is at the target by a person's word. Of the brake: ``let_go``: the content that a person released;
    ``stopped``: the content that a worker was told not to send, and that has not come to the target all the same; ``rejected``: a person left it as it is, and nobody has
    changed it since.
    """

    seq: int = 0
    active: bool = True
    exists: bool = True
    shown: int = -1
    synced_seq: int = -1
    refused: int = -1
    believed: int = -1
    names: int = -1
    raised: bool = False
    behind: bool = False
    key: int = 0
    let_go: int = -1
    stopped: int = -1
    rejected: bool = False

    @property
    def present(self) -> bool:
        """A remote record is wanted."""
        return self.active and self.exists


class Worker(NamedTuple):
    """A worker that holds a lease, or thinks so. An idle or a killed one is not in the state at all.

    ``holds``: its token is still the row's. ``frozen``: it outlived its lease. ``covered``: as `Request`'s.
    ``dropped``: its request can no longer land. ``wrote``: its request may have been sent. ``strict``: what it does
    for a strict write (`tests.chaos.model.strict`). ``outdated``: its process has an older version of the declaration than
    the database.
    """

    step: Step
    phase: Phase = "asking"
    holds: bool = True
    frozen: bool = False
    covered: int = 0
    dropped: bool = False
    wrote: bool = False
    answer: Answer | tuple[()] = ()
    result: Result | tuple[()] = ()
    strict: str = ""
    outdated: bool = False

    @property
    def request(self) -> Request:
        row, held, seq, present, call, key, _, used, _ = self.step
        # A record that is to be replaced goes for what the user is called, and shows nothing of them.
        bare = held.replaces if call == "delete" else call == "add" and not present
        content = BARE if bare else seq
        return Request(row, call, content, held.generation, held.remote_id, key, self.covered, used, held.login)


class Decision(NamedTuple):
    """What a person has asked for by hand, between asking the target and the transaction that carries it out.

    ``link``: which remote record it is about. ``seq``: the content that they saw. ``same``: the target holds just that.
    """

    row: int
    deed: str
    link: Link
    seq: int
    same: bool = False


class Brake(NamedTuple):
    """The target's brake. ``noted``: the rows whose entries say that they are held.

    ``deed``: what a person is deciding, about the ``chosen`` rows with the content that they saw.
    """

    latched: bool = False
    noted: tuple[int, ...] = ()
    deed: str = ""
    chosen: tuple[tuple[int, int], ...] = ()


class Budget(NamedTuple):
    """How often each thing may still happen. ``busy``: a transient failure. ``refusals``: of one content.

    ``switches``: of whom a user refers to. ``losses``: of a record at the third party.
    ``restores``: of the third party, to what it held at the beginning, while no write is on its way. ``raises``: of the
    declaration's version. ``slips``: claims of older processes whose statement began before that, and ends after it.
    ``days``: those of a record that has left, and is to be deleted after them. ``renames``: of a user. ``latches``: of the
    brake; without any there is none.
    """

    edits: int = 0
    toggles: int = 0
    deletes: int = 0
    creates: int = 0
    kills: int = 0
    freezes: int = 0
    timeouts: int = 0
    busy: int = 0
    refusals: int = 0
    restores: int = 0
    decisions: int = 0
    switches: int = 0
    losses: int = 0
    raises: int = 0
    slips: int = 0
    days: int = 0
    renames: int = 0
    latches: int = 0


class Reference(NamedTuple):
    """`thirdparty.models.Reference`: the row ``record`` was sent with the ``remote_id`` of the row ``on``."""

    record: int
    on: int
    remote_id: int


class State(NamedTuple):
    """``strays``: requests that nobody waits for any more and that may still land. ``decision``: one that is under way."""

    people: tuple[Person, ...]
    rows: tuple[Row, ...]
    workers: tuple[Worker, ...]
    world: World
    strays: tuple[Request, ...]
    budget: Budget
    decision: Decision | tuple[()] = ()
    references: tuple[Reference, ...] = ()
    brake: Brake = Brake()

    def with_row(self, index: int, row: Row, person: Person | None = None) -> State:
        """The same but for one row, and its user if given."""
        people, rows, workers, world, strays, budget, decision, references, brake = self
        rows = (*rows[:index], row, *rows[index + 1 :])
        if person is not None:
            people = (*people[:index], person, *people[index + 1 :])
        return State(people, rows, workers, world, strays, budget, decision, references, brake)

    def with_worker(self, position: int, worker: Worker | None) -> State:
        """The same with another worker in this place, or none."""
        people, rows, workers, world, strays, budget, decision, references, brake = self
        there = () if worker is None else (worker,)
        workers = (*workers[:position], *there, *workers[position + 1 :])
        return State(people, rows, workers, world, strays, budget, decision, references, brake)

    def without_holder(self, index: int) -> State:
        """The same, and whoever held the lease of this row does not any more."""
        return self._replace(
            workers=tuple(
                worker._replace(holds=False) if worker.step.row == index else worker for worker in self.workers
            )
        )

    def abandoning(self, worker: Worker) -> State:
        """The same, and nobody waits for the worker's request any more; it may still land."""
        if worker.phase != "asking" or worker.step.call not in WRITES or worker.dropped:
            return self
        return self._replace(strays=(*self.strays, worker.request))

    def covering(self, index: int, *, of: int | None = None) -> State:
        """The same, and the window of this row ends only when all that was sent until now has landed: for it, or for ``of``."""
        sender, window = index if of is None else of, 1 << index
        return self._replace(
            strays=tuple(
                stray._replace(covered=stray.covered | window) if stray.row == sender else stray
                for stray in self.strays
            ),
            workers=tuple(
                worker._replace(covered=worker.covered | window)
                if worker.step.row == sender and worker.phase == "asking" and worker.step.call in WRITES
                else worker
                for worker in self.workers
            ),
        )


def edited(person: Person) -> Person:
    """The user after one more edit."""
    seq = person.seq + 1
    if person.present:
        return person._replace(seq=seq, rejected=False)
    # Whoever is absent before and after looks the same at the target.
    shown = person.shown if person.shown < person.seq else seq
    believed = person.believed if person.believed < person.seq else seq
    return person._replace(seq=seq, shown=shown, believed=believed, rejected=False)


def beginning(
    budget: Budget, records: tuple[Record, ...] = (), *, level: bool = False, names: tuple[int, ...] = (-1,)
) -> State:
    """Users were just saved, who refer to these, or one is ``level``; the third party holds ``records``."""
    if level:
        person, row = Person(shown=0, synced_seq=0), Row(synced=1, due="none", remote_id=1, named=True)
        return State((person,), (row,), (), World(records), (), budget)
    people = tuple(Person(names=other) for other in names)
    return State(people, tuple(Row() for _ in names), (), World(records), (), budget)
