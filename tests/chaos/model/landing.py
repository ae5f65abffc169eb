"""A write reaches the third party: now, or late. What that shows, and what harm it does."""

from __future__ import annotations

from tests.chaos.model.decision import Answer
from tests.chaos.model.state import State
from tests.chaos.model.target import Offers, Record, Request, World, perform


def land(state: State, request: Request, offers: Offers, adopt: str) -> tuple[State, Answer, str]:
    """The state after it, the answer, and which promise the write itself breaks, if any."""
    before = state.world
    world, (kind, remote_id) = perform(before, request, offers)
    person = state.people[request.row]
    gone = request.call == "delete" and not own(world, request.row, offers)
    if world.records != before.records or gone:
        # Nothing at all is also what a user who is absent now is to look like.
        seq = person.seq if gone and not person.present else request.seq
        person = person._replace(shown=max(person.shown, seq))
    after = state.with_row(request.row, state.rows[request.row], person)._replace(world=world)
    return after, Answer(kind, remote_id), _harm(before, world, offers, adopt)


def own(world: World, index: int, offers: Offers) -> bool:
    """Whether the third party holds a record that we made for the user of this row."""
    return any(is_of(record, index, offers) for record in world.records)


def is_of(record: Record, index: int, offers: Offers) -> bool:
    """Whether we made it for this user. Where each has a username of their own, that tells, whatever was written since."""
    return not record.foreign and index == (record.login if offers.distinct else record.owner)


def _harm(before: World, after: World, offers: Offers, adopt: str) -> str:
    kept = {record.id: record for record in after.records}
    for record in before.records:
        now = kept.get(record.id)
        if now is None and record.foreign:
            return "P7: a record that was only taken on trust, or not at all, is deleted"
        if now is not None and record.foreign and now.owner != record.owner and adopt != "trust":
            return "P7: a stranger's record is taken over"
        if now is not None and offers.versions and now.owner == record.owner and now.seq < record.seq:
            return "I4: older content overwrites newer in spite of versions"
    if _pointing_nowhere(after) - _pointing_nowhere(before):
        return "P18: a record names another one that is not there any more"
    return ""


def _pointing_nowhere(world: World) -> set[tuple[int, int]]:
    there = {0, *(record.id for record in world.records)}
    return {(record.id, record.refers) for record in world.records if record.refers not in there}
