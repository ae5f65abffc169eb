"""The brake of the target: it latches, holds what takes something away, and people decide about that (PROTOCOL 19)."""

from __future__ import annotations

from collections.abc import Iterator

from tests.chaos.model.configuration import Configuration
from tests.chaos.model.decision import Step, lease
from tests.chaos.model.holding import is_let_go
from tests.chaos.model.row import Row
from tests.chaos.model.rules import Memo, Rules
from tests.chaos.model.state import Person, State
from tests.chaos.model.target import Offers
from thirdparty.connectors.leaving import Leaving
from thirdparty.decide.brake import HELD_BY_BRAKE, change_of
from thirdparty.decide.plan import Call, removal
from thirdparty.models.record import REJECTED_BY_PERSON

STOPPED = "P19: what was stopped goes, and nobody has let it go"
_KNOWN, _WANTED = {"name": "one"}, {"name": "another"}


def takes_away(step: Step, offers: Offers, leaving: Leaving, *, rewrites: bool) -> bool:
    """Whether the brake is asked about it, as `thirdparty.run.step` decides; a look before a removal counts as it.

    ``rewrites``: each update is one of most fields.
    """
    if step.obstacle:
        return False
    call = Call(step.call)
    if call is Call.CONFIRM and not step.present:
        call = removal(lease(step, offers), leaving)
    known, wanted = (_KNOWN, _WANTED) if rewrites else (None, None)
    return change_of(call, known=known, wanted=wanted, inactive={}) is not None


class Braking:
    """The brake of one configuration under one set of rules."""

    def __init__(self, configuration: Configuration, rules: Rules, memo: Memo) -> None:
        self.is_there = configuration.budget.latches > 0
        self.offers, self.leaving = configuration.offers, configuration.leaving
        self.rewrites = configuration.rewrites
        self.rules = rules
        self.memo = memo

    def asked(self, state: State, step: Step) -> tuple[State, Step, str]:
        """What a worker that is about to write its attempt down is told: the state, its step, the broken promise."""
        if not self.memo(takes_away, step, self.offers, self.leaving, rewrites=self.rewrites):
            return state, step, ""
        index, brake = step.row, state.brake
        row, person = state.rows[index], state.people[index]
        word = self.memo(self.rules.told, row, step.held, latched=brake.latched)
        if not is_let_go(row, step.held):
            others = tuple(each for each in brake.noted if each != index)
            noted = tuple(sorted((*others, index))) if brake.latched else others
            state = state._replace(brake=brake._replace(noted=noted))
        if word == "go":
            stopped = (brake.latched or person.stopped == step.seq) and person.let_go != step.seq
            return state, step, STOPPED if stopped else ""
        state = state.with_row(index, row, person._replace(stopped=step.seq))
        if word == "wait":
            return state, step._replace(call="wait"), ""
        return state, step._replace(call="nothing", obstacle="the brake"), ""

    def of(self, state: State) -> Iterator[tuple[str, str, bool, State]]:
        """What the brake and people may do now: label, what it takes from the budget, whether by itself, the state after it."""
        brake = state.brake
        if not brake.latched and state.budget.latches:
            yield "the brake latches", "latches", False, state._replace(brake=brake._replace(latched=True))
        if brake.latched and self.rules.leaks:
            yield "the brake's window is over", "", False, state._replace(brake=brake._replace(latched=False))
        if brake.deed:
            yield self._carried_out(state) if brake.chosen else self._ended(state)
        elif brake.latched or any(row.parked == HELD_BY_BRAKE for row in state.rows):
            yield from self._begun(state)
        for index, row in enumerate(state.rows):
            woken = row if brake.latched else self.memo(self.rules.wake, row)
            if woken != row:
                yield f"row {index} is taken up, since the brake is off", "", True, state.with_row(index, woken)

    def _begun(self, state: State) -> Iterator[tuple[str, str, bool, State]]:
        waiting = [(index, state.people[index].seq) for index in self._waiting(state)]
        choices = [tuple(waiting), *((each,) for each in waiting if len(waiting) > 1)]
        for deed in ("release", "reject"):
            for chosen in choices:
                rows = ", ".join(f"row {index}" for index, _ in chosen) or "nothing"
                brake = state.brake._replace(deed=deed, chosen=chosen)
                yield f"a person sees {rows}, to {deed} it", "", False, state._replace(brake=brake)

    def _carried_out(self, state: State) -> tuple[str, str, bool, State]:
        deed, chosen = state.brake.deed, state.brake.chosen
        for index, seq in chosen:
            row, person = state.rows[index], state.people[index]
            if deed == "release":
                decided = self.memo(self.rules.release_held, row)
                person = person._replace(let_go=seq) if decided.released else person
            else:
                decided = self.memo(self.rules.reject, row)
                person = person._replace(rejected=decided.parked == REJECTED_BY_PERSON)
            state = state.with_row(index, decided, person)
        rows = ", ".join(f"row {index}" for index, _ in chosen)
        return f"{deed} is carried out on {rows}", "", False, state._replace(brake=state.brake._replace(chosen=()))

    def _ended(self, state: State) -> tuple[str, str, bool, State]:
        brake = state.brake
        held = brake.deed == "reject" and any(
            self.memo(self.rules.is_being_held, row, noted=index in brake.noted)
            for index, row in enumerate(state.rows)
        )
        stays = held or bool(self._waiting(state))
        if not stays and brake.deed == "release":
            state = state._replace(people=tuple(person._replace(stopped=-1) for person in state.people))
        after = brake._replace(latched=brake.latched and stays, deed="")
        return f"the brake {'stays' if stays else 'is off'} after that", "", False, state._replace(brake=after)

    def _waiting(self, state: State) -> list[int]:
        return [index for index, row in enumerate(state.rows) if self.memo(self.rules.waits, row, self.leaving)]


def dropped(before: State, after: State, rules: Rules) -> State:
    """The same, without those that a person is about to decide about and that have moved on from what they saw."""
    if not after.brake.chosen or not before.brake.chosen:
        return after
    kept = tuple(
        each for each in after.brake.chosen if rules.decision_stands(before.rows[each[0]], after.rows[each[0]])
    )
    return after._replace(brake=after.brake._replace(chosen=kept))


def broken(state: State) -> str:
    """What must hold in every state of what the brake holds, and of what was rejected."""
    for index, (person, row) in enumerate(zip(state.people, state.rows, strict=True)):
        if row.parked == HELD_BY_BRAKE and row.released:
            return f"P19: row {index} is held, and a person has let it go"
        if row.parked == HELD_BY_BRAKE and row.recheck != "none":
            return f"P19: row {index} is held, and nobody reads back what was sent for it"
        if person.rejected != (row.parked == REJECTED_BY_PERSON):
            return f"P22: what a person rejected does not stand, of row {index}"
    return ""


def waits_for_a_person(state: State, index: int) -> bool:
    """Whether the brake holds the record for a reason that is true, or a person has left it as it is."""
    row, person = state.rows[index], state.people[index]
    if row.parked == REJECTED_BY_PERSON:
        return person.rejected
    return row.parked == HELD_BY_BRAKE and state.brake.latched and person.let_go != person.seq


def asks_anew(person: Person) -> Person:
    """Whoever is owed anew: what a person has let go was of the generation before."""
    return person._replace(let_go=-1)


def decided_by_hand(person: Person, row: Row) -> Person:
    """A person has decided by hand: neither what was stopped nor what was rejected stands any more. ``row``: after that."""
    return person._replace(let_go=person.let_go if row.released else -1, stopped=-1, rejected=False)
