"""What must hold in every state, and what must hold once nothing happens any more."""

from __future__ import annotations

from tests.chaos.model import brake
from tests.chaos.model.configuration import Configuration
from tests.chaos.model.landing import is_of
from tests.chaos.model.row import Row
from tests.chaos.model.state import Person, State
from tests.chaos.model.target import NOBODY, STRANGER, Record
from tests.chaos.model.transitions import WRITES
from thirdparty.connectors.leaving import OnLeave
from thirdparty.decide.brake import HELD_BY_BRAKE
from thirdparty.decide.failures import REFERENCE_CYCLE
from thirdparty.models.record import REJECTED_BY_PERSON


def broken(state: State, configuration: Configuration) -> str:
    """The invariant that this state breaks, in words; empty for none."""
    for index, (person, row) in enumerate(zip(state.people, state.rows, strict=True)):
        if row.synced == row.generation and person.synced_seq != person.seq and not person.behind:
            return f"I1: a committed change of user {index} is not owed"
        if person.synced_seq > person.shown:
            return f"I2: row {index} is acknowledged at a generation that the target never held"
        if (
            row.synced == row.generation
            and row.lease == "free"
            and row.recheck == "none"
            and not row.add_key
            and row.due == "now"
        ):
            return f"P4: row {index} is level by its words, and there is something to be done about it"
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
    if configuration.renames:
        named = [row for row in state.rows if row.may_exist and row.named]
        logins = [key for row in named for key in {row.login, row.former} - {-1}]
        if len(logins) != len(set(logins)):
            return "P1: two rows have one username at the target"
    return _unknown_to_its_row(state) if configuration.offers.renames and not configuration.budget.restores else ""


def _unknown_to_its_row(state: State) -> str:
    for index, row in enumerate(state.rows):
        for record in state.world.records:
            ours = record.id == row.remote_id and not record.foreign
            if ours and record.login not in (row.login, row.former):
                return f"P24: the record of user {index} has a username that its row does not know"
    return ""


def unfinished(state: State, configuration: Configuration) -> str:
    """What is wrong in a state in which nothing happens any more by itself; empty where remote equals local."""
    left = [record for record in state.world.records if not record.foreign and record.owner in (STRANGER, NOBODY)]
    if any(all(row.remote_id != record.id for row in state.rows) for record in left):
        return "I3: a record that somebody linked by hand is left, and nobody deletes it"
    for index in range(len(state.rows)):
        waits = (
            brake.waits_for_a_person(state, index)
            or _waits_for_a_person(state, index)
            or _waits_for_another(state, index)
        )
        if not (waits or _waits_for_one_that_stays(state, index, configuration)):
            what = _unequal(state, index, configuration) or _unsettled(state, index)
            if what:
                return what
    return ""


def _waits_for_a_person(state: State, index: int) -> bool:
    """Whether the record is parked with a reason that is true."""
    row, person = state.rows[index], state.people[index]
    if row.parked == "invalid":
        return person.refused == person.seq  # the target refuses what the user is now
    # The username is a stranger's.
    theirs = any(record.foreign and record.owner in (STRANGER, NOBODY) for record in state.world.records)
    return row.parked == "identity_conflict" and theirs


def _waits_for_another(state: State, index: int) -> bool:
    """Whether the record waits for another one, or is in a circle of such, until people change something."""
    row, person = state.rows[index], state.people[index]
    if row.parked == REFERENCE_CYCLE:
        return _is_in_circle(state, index)
    if row.waits_for >= 0:
        other = state.rows[row.waits_for]
        comes = state.people[row.waits_for].present and not other.parked and other.waits_for < 0
        return person.present and row.waits_for == person.names and not other.remote_id and not comes
    holder = state.people[row.held_by] if row.held_by >= 0 else None
    if holder is None or person.present:
        return False
    return _is_braked(state.rows[row.held_by]) or (holder.present and holder.names == index)


def _waits_for_one_that_stays(state: State, index: int, configuration: Configuration) -> bool:
    """Whether the username is that of a record that stays at the target: its user has left, kept it there, or it is held."""
    others = (other for number, other in enumerate(state.rows) if number != index)
    shared, key = not configuration.offers.distinct, state.people[index].key
    renamed = configuration.offers.renames
    kept = configuration.renames and not configuration.replaces and not renamed
    stays = any(
        (other.is_left or _is_braked(other) or (kept and other.may_exist)) and other.named and other.login == key
        for other in others
    )
    waits = renamed or not state.rows[index].may_exist
    return shared and waits and (stays or (renamed and _wants_anothers(state, index)))


def _wants_anothers(state: State, index: int) -> bool:
    """Whether two have taken each other's usernames, so that each waits for the other."""
    return any(
        other.key == state.rows[index].login and state.rows[number].login == state.people[index].key
        for number, other in enumerate(state.people)
        if number != index and other.present and state.people[index].present
    )


def _is_braked(row: Row) -> bool:
    """Whether it is held, or a person has left it as it is."""
    return row.parked in (HELD_BY_BRAKE, REJECTED_BY_PERSON)


def _is_in_circle(state: State, index: int) -> bool:
    seen, at = {index}, state.people[index].names
    while at >= 0 and at not in seen and not state.rows[at].remote_id and state.people[at].present:
        seen.add(at)
        at = state.people[at].names
    return at == index


def _unequal(state: State, index: int, configuration: Configuration) -> str:
    """How the target differs from the user; a person's word that it does not is believed, but leaves nothing behind."""
    row, person, offers = state.rows[index], state.people[index], configuration.offers
    held = [record for record in state.world.records if record.owner == index]
    if offers.distinct:
        # Who is parked, or right by a person's word, does not write over what went astray to their record.
        held = [record for record in held if record.login == index or not _is_left(state, record.login)]
        if any(record.login != index for record in held):
            return f"I4: a record of user {index} has another's username"
    old = [record for record in held if record.login != person.key and not record.foreign]
    if (configuration.replaces or configuration.offers.renames) and person.present and old:
        return f"I4: the record of user {index} has a username that they had before"
    if configuration.renames and any(record.login != row.login for record in held):
        return f"I4: the record of user {index} has a username that its row does not know"
    if row.parked:
        return f"I7: row {index} is parked without a reason: {row.parked}"
    own = [record for record in state.world.records if is_of(record, index, offers)]
    if not person.present:
        return _wrongly_there(own, row, person, configuration)
    if person.believed != person.seq:
        used = state.rows[person.names].remote_id if person.names >= 0 else 0
        level = [(record.seq, record.refers) for record in held] == [(person.seq, used)]
        return "" if level else f"I4: the target does not hold user {index} as they are"
    known = row.remote_id and all(record.id == row.remote_id for record in own)
    return "" if known else f"I3: a record of user {index} is left, and nobody deletes it"


def _wrongly_there(own: list[Record], row: Row, person: Person, configuration: Configuration) -> str:
    """What is wrong with the records of somebody who has left."""
    if not own:
        return ""
    leaving = configuration.leaving
    if leaving.deletes(days_over=row.left == "over"):
        return "I4: the target still holds a user who is not wanted there"
    if leaving.on_leave is OnLeave.DEACTIVATE and any(record.seq != person.seq for record in own):
        return "I4: the record of a user who has left is not inactive"
    known = row.is_left and (row.add_key or all(record.id == row.remote_id for record in own))
    return "" if known else "I3: a record stays, and nobody knows whose it is"


def _unsettled(state: State, index: int) -> str:
    row = state.rows[index]
    if row.synced != row.generation or row.lease != "free" or row.recheck != "none" or (row.add_key and not row.left):
        return f"I7: row {index} never settles"
    return ""


def _is_left(state: State, index: int) -> bool:
    """Whether nothing is written to this user's record until a person or an edit comes."""
    if index >= len(state.rows):
        return False
    return bool(state.rows[index].parked) or state.people[index].believed == state.people[index].seq
