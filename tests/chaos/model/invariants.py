"""What must hold in every state, and what must hold once nothing happens any more."""

from __future__ import annotations

from tests.chaos.model.configuration import Configuration
from tests.chaos.model.landing import is_of
from tests.chaos.model.state import State
from tests.chaos.model.target import NOBODY, STRANGER, Record
from tests.chaos.model.transitions import WRITES


def broken(state: State, configuration: Configuration) -> str:
    """The invariant that this state breaks, in words; empty for none."""
    for index, (person, row) in enumerate(zip(state.people, state.rows, strict=True)):
        if row.synced == row.generation and person.synced_seq != person.seq:
            return f"I1: a committed change of user {index} is not owed"
        if person.synced_seq > person.shown:
            return f"I2: row {index} is acknowledged at a generation that the target never held"
        if configuration.unique_records:
            records = sum(is_of(record, index, configuration.offers) for record in state.world.records)
            if records > 1:
                return f"I3: {records} remote records of user {index}"
        in_flight = sum(
            worker.step.row == index and worker.phase == "asking" and worker.step.call in WRITES and not worker.frozen
            for worker in state.workers
        )
        if in_flight > 1:
            return f"I5: {in_flight} requests in flight for row {index}"
    return ""


def unfinished(state: State, configuration: Configuration) -> str:
    """What is wrong in a state in which nothing happens any more by itself; empty where remote equals local."""
    for index, (person, row) in enumerate(zip(state.people, state.rows, strict=True)):
        if row.parked == "invalid" and person.refused == person.seq:
            continue  # the target refuses what the user is now: a person has to change it
        if row.parked == "identity_conflict" and any(_is_a_strangers(record) for record in state.world.records):
            continue  # the username is theirs: a person has to decide
        held = [record for record in state.world.records if record.owner == index]
        if configuration.offers.distinct and any(record.login != index for record in held):
            return f"I4: a record of user {index} has another's username"
        own = [record for record in state.world.records if is_of(record, index, configuration.offers)]
        if row.parked:
            return f"I7: row {index} is parked without a reason: {row.parked}"
        if not person.present and own:
            return f"I4: the target still holds user {index}, who is not wanted there"
        if person.present and [record.seq for record in held] != [person.seq]:
            return f"I4: the target does not hold user {index} as they are"
        if row.synced != row.generation or row.lease != "free" or row.recheck != "none" or row.add_key:
            return f"I7: row {index} never settles"
    return ""


def _is_a_strangers(record: Record) -> bool:
    return record.foreign and record.owner in (STRANGER, NOBODY)
