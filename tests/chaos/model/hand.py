"""What people decide by hand: they look, the target is asked, and a transaction carries it out, if nothing came between."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

from tests.chaos.model.brake import decided_by_hand
from tests.chaos.model.configuration import Configuration
from tests.chaos.model.decision import USERNAMES, number, remote_record, text
from tests.chaos.model.row import Link, Row
from tests.chaos.model.rules import Memo, Rules
from tests.chaos.model.state import Decision, Person, State, edited
from tests.chaos.model.target import Offers, Record, login_of
from tests.chaos.model.uses import USE
from thirdparty import models
from thirdparty.connectors.base import RemoteRecord
from thirdparty.connectors.errors import CapabilityMissing
from thirdparty.decisions.linkage import CannotCompensate, Linkage
from thirdparty.observe.inquiry import look_up

UNSEEN = "P10: what a person decided goes over what they had not seen"


class Asked(Linkage):
    """The product's own decision which record may be linked; what is not in the row is the model's."""

    def __init__(self, about: About) -> None:
        row = about.row
        found = models.Record(
            kind=USE.kind, object_id=USE.object_ids[about.index], remote_id=text(row.remote_id), adopted=row.adopted, add_key=text(row.add_key),
            natural_key=USERNAMES[about.login] if row.named else "",
            unknown_until=None if row.recheck == "none" else datetime.now(UTC),
        )  # fmt: skip
        found.may_exist = row.may_exist
        super().__init__(found)
        self.about = about

    def asked(self, remote_id: str = "") -> RemoteRecord | None:
        if not self.about.query:
            raise CapabilityMissing("query")
        found: RemoteRecord | None = look_up(self, self.row, remote_id)  # type: ignore[arg-type]  # it looks up, no more
        return found

    def find(self, *, remote_id: str = "", external_id: str = "", key: str = "") -> RemoteRecord | None:
        """As a connector."""
        for record in map(remote_record, self.about.records):
            held = (record.remote_id, record.external_id, record.key)
            if any(each and each == asked for each, asked in zip(held, (remote_id, external_id, key), strict=True)):
                return record
        return None

    def is_wanted(self) -> bool:
        return self.about.present

    def add_may_land(self) -> bool:
        return bool(self.about.row.add_key) and self.about.row.recheck == "open"


class About(NamedTuple):
    """What a decision is about. ``login``: whose username the user has."""

    index: int
    row: Row
    records: tuple[Record, ...]
    present: bool
    query: bool
    login: int


def linked(about: About, deed: str, remote_id: int, kind: type[Asked]) -> Link | None:
    """Which record the decision leaves the row with; None where it is refused."""
    asks = kind(about)
    try:
        match deed:
            case "adopt":
                link = asks.by_word(text(remote_id) or "")
            case "accept":
                link = asks.by_look_up()
            case _:
                link = asks.for_settling(text(remote_id) or "")
    except CannotCompensate:
        return None
    return Link(number(link.remote_id), bool(link.natural_key), link.adopted, number(link.add_key), link.look_first)


class Hand:
    """The decisions of one configuration under one set of rules."""

    def __init__(self, configuration: Configuration, rules: Rules, memo: Memo) -> None:
        self.offers: Offers = configuration.offers
        self.rules = rules
        self.kind: type[Asked] = rules.linkage or Asked
        self.memo = memo

    def of(self, state: State) -> Iterator[tuple[str, str, State, str]]:
        """What people may decide now: label, what it takes from the budget, the state after it, the broken promise."""
        if state.decision:
            yield from self._carried_out(state, state.decision)
        elif state.budget.decisions:
            for index, row in enumerate(state.rows):
                if _is_open(row):
                    yield from self._begun(state, index, row)
                elif _is_level(row) and state.people[index].present:
                    yield from self._looked_at(state, index, row, [("accept", None)])

    def _begun(self, state: State, index: int, row: Row) -> Iterator[tuple[str, str, State, str]]:
        for deed, statement in (("retry", self.rules.retry), ("overwrite", self.rules.overwrite)):
            decided = self.memo(statement, row)
            after = state.with_row(index, decided, decided_by_hand(state.people[index], decided))
            yield f"a person decides: {deed} row {index}", "decisions", after, ""
        yield from self._looked_at(state, index, row)

    def _looked_at(
        self, state: State, index: int, row: Row, choices: Iterable[tuple[str, Record | None]] = ()
    ) -> Iterator[tuple[str, str, State, str]]:
        person = state.people[index]
        about = About(index, row, state.world.records, person.present, self.offers.query, login_of(index, self.offers))
        for deed, record in choices or self._choices(about, person):
            link = self.memo(linked, about, deed, record.id if record else 0, self.kind)
            if link is None:
                continue
            found = next((each for each in about.records if each.id == link.remote_id), None)
            same = found is not None and (found.owner, found.seq) == (index, person.seq)
            if same and _is_level(row):
                continue  # there is nothing to take
            decision = Decision(index, deed, link, person.seq, same and deed == "accept")
            which = f" with record {record.id}" if record else ""
            yield (
                f"a person looks at row {index}, to {deed} it{which}",
                "decisions",
                state._replace(decision=decision),
                "",
            )

    def _choices(self, about: About, person: Person) -> Iterator[tuple[str, Record | None]]:
        there = any(record.owner == about.index for record in about.records)
        # What a person says of a target that cannot be asked is believed: here they say what is so, as far as they can know.
        if about.query or about.present or about.row.recheck != "none" or not there:
            yield "settle", None
        if person.exists:
            yield "accept", None
        for record in about.records:
            if record.login == about.login and (about.query or record.foreign or record.owner == about.index):
                yield "adopt", record
                yield "settle", record

    def _carried_out(self, state: State, decision: Decision) -> Iterator[tuple[str, str, State, str]]:
        index, deed, link, *_ = decision
        before, person = state.rows[index], state.people[index]
        row = before
        unseen = UNSEEN if deed in ("accept", "settle") and decision.seq != person.seq else ""
        if deed == "accept":
            if not person.exists:
                return
            if not decision.same:
                row, person = self.memo(self.rules.changed, row), edited(person)
        row = self.memo(self.rules.settle_by_hand if deed == "settle" else self.rules.adopt, row, link)
        if deed == "settle":
            believed = person.seq if before.recheck == "none" and not link.add_key else person.believed
            person = person._replace(shown=max(person.shown, person.seq), synced_seq=person.seq, believed=believed)
        if self._is_anothers(state, index, row):
            return
        person = decided_by_hand(person, row)
        # A link that is read back before it is used makes no record ours.
        by_word = 0 if link.look_first and self.offers.query else link.remote_id
        records = tuple(
            record._replace(foreign=record.foreign and record.id != by_word) for record in state.world.records
        )
        after = state.with_row(index, row, person)
        after = after._replace(world=state.world._replace(records=records), decision=())
        yield f"{deed} is carried out on row {index}", "", after, unseen

    def _is_anothers(self, state: State, index: int, row: Row) -> bool:
        """Whether the database refuses it: another row has this remote id, or may have a record of this username."""
        others = [other for number, other in enumerate(state.rows) if number != index]
        rivals = () if self.offers.distinct else others
        return any(row.remote_id and row.remote_id == other.remote_id for other in others) or any(
            row.may_exist and row.named and rival.may_exist and rival.named for rival in rivals
        )


def dropped(before: State, after: State, rules: Rules) -> State:
    """The same, without a decision that the record has moved on from."""
    decision: Any = after.decision
    if not decision or not before.decision or rules.stands(before.rows[decision.row], after.rows[decision.row]):
        return after
    return after._replace(decision=())


def _is_level(row: Row) -> bool:
    """Synced: of such a row, nothing can be decided but to take what differs at the target."""
    return row.may_exist and row.lease == "free" and not (_is_open(row) or row.deleted or row.is_left)


def _is_open(row: Row) -> bool:
    """`thirdparty.decisions.compensation.OPEN`."""
    return bool(row.parked) or (row.lease == "free" and (row.recheck != "none" or row.synced < row.generation))
