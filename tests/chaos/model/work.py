"""What workers do: claim, ask, look up, judge, settle; and how they die.

Reading or being answered, judging and settling are one event as long as the lease is held, and so are a
death and the end of its lease: whatever could come in between commutes with one of the two halves. A worker
that outlived its lease, where something else may well come in between, takes them one by one.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

from tests.chaos.model import references, transitions
from tests.chaos.model.brake import Braking, asks_anew
from tests.chaos.model.configuration import Configuration
from tests.chaos.model.decision import Answer, Step, best, judge, plan
from tests.chaos.model.landing import land, own
from tests.chaos.model.reduction import NOTHING_HELD
from tests.chaos.model.row import Due, Held, Result, Row
from tests.chaos.model.rules import Memo, Rules
from tests.chaos.model.state import Person, State, Worker
from tests.chaos.model.target import FRESH, Record, login_of
from tests.chaos.model.transitions import WRITES
from thirdparty.connectors.leaving import OnLeave

WORKERS = 2
_LOOKED_UP = ("exists", "missing", "stale")
_ASKS_AGAIN = 2
"""So often one who waits for another row is due at any moment; then only once that one is at rest, which no one outlasts."""
_SAID_WITHOUT_ASKING = ("nothing", "wait", "unlink", "leave")


class Event(NamedTuple):
    """``spent``: the budget that it takes from; empty for what happens by itself."""

    label: str
    spent: str
    after: State
    broken: str = ""


class Work:
    """The workers of one configuration under one set of rules."""

    def __init__(self, configuration: Configuration, rules: Rules, memo: Memo) -> None:
        self.offers = configuration.offers
        self.adopt = configuration.adopt
        self.leaving = configuration.leaving
        self.frozen_senders = configuration.frozen_senders
        self.apart = configuration.apart
        self.replaces = configuration.replaces
        self.renames = configuration.renames
        self.rules = rules
        self.memo = memo
        self.braking = Braking(configuration, rules, memo)

    def claim(self, state: State, index: int, *, outdated: bool = False) -> Iterator[tuple[str, State, str]]:
        """An idle worker claims the row: label, state after it, broken promise. ``outdated``: by a process of an older version."""
        row, person = state.rows[index], state.people[index]
        claimed = self._claimed(state, index)
        if claimed is None:
            return
        leased, held = claimed
        leased, held = leased._replace(crashes=0), held._replace(crashes=0)  # no run reaches the limit
        if row.lease != "free":
            state = state.without_holder(index)
        if row.doing in WRITES and leased.recheck == "open":
            state = self._doubt(state, index, row)
        now = Step(index, held, person.seq - outdated, person.present, "", 0)
        after = state.with_row(index, leased, _acknowledged(person, row, leased, now))
        unread = Step(index, held, 0, True, "", 0)
        after = after._replace(workers=(*after.workers, Worker(unread, phase="claimed", outdated=outdated)))
        by = " by an older process" if outdated else ""
        label = f"row {index} is claimed{by} at generation {held.generation}"
        if self.apart:
            yield label, after, ""
            return
        about, prepared, broken = self._prepared(after, len(after.workers) - 1)
        yield f"{label}, {about}", prepared, broken

    def _prepare(self, state: State, position: int) -> Iterator[Event]:
        worker = state.workers[position]
        row, name = state.rows[worker.step.row], f"the worker on row {worker.step.row}"
        if not worker.holds or row.lease == "expired":
            yield Event(f"{name} finds that its lease has run out", "", state.with_worker(position, None))
            return
        if state.budget.busy:
            released = self.memo(self.rules.release, row)
            after = state.with_worker(position, None).with_row(worker.step.row, released)
            yield Event(f"{name} cannot write its attempt down, and gives the lease back", "busy", after)
        about, prepared, broken = self._prepared(state, position)
        yield Event(f"{name} is {about}", "", prepared, broken)

    def _prepared(self, state: State, position: int) -> tuple[str, State, str]:
        """The worker reads the user, decides, and writes its attempt down; edits since the claim are in what it reads."""
        worker = state.workers[position]
        index, held = worker.step.row, worker.step.held
        row, person = state.rows[index], state.people[index]
        replaces = held.replaces and person.present and person.key != held.login
        held = held._replace(replaces=replaces)
        step = Step(index, held, person.seq - worker.outdated, person.present and not replaces, "", 0)
        step = references.read(state, step, partial(self.memo, self.rules.is_circle))
        if not step.obstacle:
            step = step._replace(call=self.memo(plan, step, self.offers, self.rules.next_call, self.leaving))
        if step.call == "delete" and state.references:
            step = self._held(step, state)
        broken = ""
        if self.braking.is_there:
            state, step, broken = self.braking.asked(state, step)
        if step.call == "add":
            step = step._replace(key=self._key(step))
        if step.call in WRITES and step.used:
            noted = self.memo(self.rules.note, state.references, index, step.other, step.used)
            state = state._replace(references=noted)
        opened = self.memo(self.rules.open_attempt, row, step.call, step.key)
        after = state.with_row(index, opened).with_worker(position, worker._replace(step=step, phase="asking"))
        what = step.call
        if step.obstacle:
            what += f", held by {step.obstacle}" if step.other < 0 else f", row {step.other} {step.obstacle}"
        return f"about to {what}", after, broken

    def _claimed(self, state: State, index: int) -> tuple[Row, Held] | None:
        row, person = state.rows[index], state.people[index]
        others = () if self.offers.distinct else (other for other in state.rows if other is not row)
        there = [other for other in others if other.may_exist and other.named]
        claimed: tuple[Row, Held] | None
        if self.offers.renames and self.renames:
            login = transitions.key_where_renamed(row, wanted=person.key)
            rival = any(login in self._keys_of(other) for other in there)
            claim = self.rules.claim_renaming
            claimed = self.memo(claim, row, has_user=person.exists, rival=rival, wanted=person.key)
        elif self.replaces:
            login = transitions.key_at_target(row, wanted=person.key)
            rival = any(other.login == login for other in there)
            claimed = self.memo(
                self.rules.claim_replacing, row, has_user=person.exists, rival=rival, wanted=person.key
            )
        elif self.renames:
            taken = any(other.login == row.login for other in there)
            login = transitions.key_at_target(row, wanted=person.key, stays=not taken)
            rival = any(other.login == login for other in there)
            claim = self.rules.claim_keeping
            claimed = self.memo(claim, row, has_user=person.exists, rival=rival, wanted=person.key, taken=taken)
        else:
            claimed = self.memo(self.rules.claim, row, has_user=person.exists, rival=bool(there))
        return claimed

    def _keys_of(self, row: Row) -> tuple[int, ...]:
        return (row.login, row.former) if self.rules.knows_former else (row.login,)

    def _held(self, step: Step, state: State) -> Step:
        holder: int = self.memo(self.rules.holder, state.references, step.row)
        if holder < 0:
            return step
        parked = tuple(row.parked for row in state.rows)
        in_vain = self.memo(self.rules.in_vain, state.references, parked, step.row)
        return step._replace(call="nothing", other=holder, obstacle="names in vain" if in_vain else "names")

    def _forgotten(self, noted: references.References, settled: Row, step: Step) -> references.References:
        used = step.other if step.used else -1
        left: references.References = self.memo(self.rules.forget, noted, settled, step.row, used)
        return left

    def _key(self, step: Step) -> int:
        if not self.offers.idempotency:
            return 1  # nobody looks at it
        return step.held.add_key if step.held.add_key and self.rules.keeps_key else FRESH

    def of(self, state: State, position: int) -> Iterator[Event]:
        """What the worker in this position may do next, and what may happen to it."""
        worker = state.workers[position]
        row = state.rows[worker.step.row]
        name = f"the worker on row {worker.step.row}"
        if state.budget.kills:
            after = state.with_worker(position, None).abandoning(worker)
            if worker.holds and row.lease == "held":
                after = after.with_row(worker.step.row, row._replace(lease="expired"))
            yield Event(f"{name} is killed", "kills", after)
        if worker.phase == "claimed":
            yield from self._prepare(state, position)
            return
        if worker.phase == "done":
            after, how = self._settle(state.with_worker(position, None), worker)
            yield Event(f"{name} comes back{how}", "", after)
            return
        late = not worker.holds or row.lease == "expired"
        writes = worker.phase == "asking" and worker.step.call in WRITES
        if late:
            after, how = self._judged(state, position, Answer("late"), wrote=worker.phase == "answered")
            yield Event(f"{name} finds its lease too short{how}", "", after)
        elif not writes:
            after, how = self._judged(state, position, self._read(state, worker), wrote=worker.phase == "answered")
            yield Event(f"{name} looks the record up{how}", "", after)
        if writes:
            yield from self._ask(state, position, late=late)

    def _ask(self, state: State, position: int, *, late: bool) -> Iterator[Event]:
        worker = state.workers[position]
        row, name = worker.step.row, f"the {worker.step.call} of row {worker.step.row}"
        if not worker.dropped:
            after, answer, broken = land(state, worker.request, self.offers, self.adopt)
            how = ""
            looks_up = answer.kind in _LOOKED_UP or (answer.kind == "refused" and worker.step.held.add_key)
            if looks_up and self.offers.query:
                after = after.with_worker(position, worker._replace(phase="answered", answer=answer, covered=0))
            else:
                after, how = self._judged(after, position, answer, wrote=True)
            sent = ", sent after its lease," if late and self.frozen_senders else ""
            yield Event(f"{name}{sent} is answered {answer.kind}{how}", "", after, broken)
        if worker.dropped or state.budget.timeouts:
            after, how = self._judged(state.abandoning(worker), position, Answer("unanswered"), wrote=True)
            yield Event(f"{name} times out{how}", "" if worker.dropped else "timeouts", after)
        if state.budget.busy:
            after, how = self._judged(state, position, Answer("busy"), wrote=True)
            yield Event(f"{name} is answered busy{how}", "busy", after)
        if state.budget.refusals and worker.step.present:
            person = state.people[row]._replace(refused=worker.step.seq)
            after = state.with_row(row, state.rows[row], person)
            after, how = self._judged(after, position, Answer("refused"), wrote=True)
            yield Event(f"{name} is refused{how}", "refusals", after)

    def _read(self, state: State, worker: Worker) -> Answer:
        """As `thirdparty.run.push` looks it up; several look-ups are one, for a later one sees all that came before."""
        step, records = worker.step, state.world.records
        answer = worker.answer or Answer("found")
        if not self.offers.query or step.call in _SAID_WITHOUT_ASKING:
            return answer
        if answer.kind == "exists" and step.call == "update":
            found = next((record for record in records if record.login == step.held.login), None)
        elif answer.kind == "stale":
            found = next((record for record in records if record.id == step.held.remote_id), None)
        else:
            found = self._found(step, records)
        return answer._replace(found=found)

    def _found(self, step: Step, records: tuple[Record, ...]) -> Record | None:
        """As `thirdparty.run.look_up` finds it; a verification asks by our other keys alone."""
        login = login_of(step.row, self.offers, step.held.login)
        by_id = (record for record in records if record.id == step.held.remote_id)
        by_external_id = (record for record in records if record.owner == step.row)
        by_username = (record for record in records if record.login == login)
        ways = [by_id] if step.call in ("recheck", "confirm") else []
        ways += [by_external_id, *([by_username] if step.held.named else [])]
        if step.held.former_key >= 0:
            ways.append(record for record in records if record.login == step.held.former_key)
        found = [next(way, None) for way in ways]
        chosen: Record | None = self.memo(
            best, step, tuple(filter(None, found)), self.offers, self.adopt, self.rules.judge
        )
        return chosen

    def _judged(self, state: State, position: int, answer: Answer, *, wrote: bool) -> tuple[State, str]:
        """The answer is judged, and settled at once unless the lease has run out; and how, in words."""
        worker = state.workers[position]
        result: Result = self.memo(judge, worker.step, answer, self.offers, self.adopt, self.rules.judge)
        held = worker.step.held if worker.holds else NOTHING_HELD._replace(generation=worker.step.held.generation)
        refused = "refused" if result.parked and worker.step.call == "delete" else ""
        step = worker.step._replace(held=held, call="", key=0, obstacle=refused)
        done = Worker(
            step,
            phase="done",
            holds=worker.holds,
            frozen=worker.frozen,
            wrote=wrote,
            result=result,
            outdated=worker.outdated,
        )
        if worker.holds and state.rows[step.row].lease == "held":
            return self._settle(state.with_worker(position, None), done)
        return state.with_worker(position, done), ""

    def _settle(self, state: State, worker: Worker) -> tuple[State, str]:
        step, result = worker.step, worker.result
        index = step.row
        row, person = state.rows[index], state.people[index]
        if not (worker.holds or self.rules.lost_lease_settles):
            if not worker.wrote:
                return state, "; its lease is lost"
            repaired = state.with_row(index, self.memo(self.rules.repair, row), asks_anew(person))
            return repaired, "; its lease is lost, repaired"
        assert result
        told = result
        if self.rules.asks_whose:
            state, result = self._whose(state, step, result)
        result = references.refused(result, step, self.rules.refused(state.references, index))
        for other in range(len(state.rows)):
            holder = state.rows[other]
            if other == index or not result.remote_id or holder.remote_id != result.remote_id:
                continue
            result, holder = self.memo(self.rules.meet, step.held, result, holder)
            state = state.with_row(other, holder)
            if result.doubt == "open":
                state = state.covering(index, of=other)
        settled = self._settled(row, person, worker, _untold(result))
        if result.doubt == "open":
            state = self._doubt(state, index, row)
        stays = result.stays > 0 and self.leaving.on_leave is not OnLeave.DEACTIVATE
        if result.acknowledged and not step.present and (stays or not own(state.world, index, self.offers)):
            person = person._replace(shown=max(person.shown, step.seq))
        person = _after(worker, person, row, settled)
        # What is due later may be due at any moment, but for whoever waits for another row; failed tries matter to waits
        # and limits alone.
        waits = told.parked and not result.parked and result.no_progress > _ASKS_AGAIN
        # The look of every five minutes is no part of this: who waits for another has to be woken.
        waits = waits or settled.waits_for >= 0 or settled.held_by >= 0
        due: Due = "now" if settled.due == "later" and not waits else settled.due
        settled = settled._replace(due=due, failed_tries=0, crashes=0)
        if state.references:
            state = state._replace(references=self._forgotten(state.references, settled, step))
        words = [result.outcome, "acknowledged" if result.acknowledged else "", settled.parked]
        return state.with_row(index, settled, person), f"; settled: {', '.join(filter(None, words))}"

    def _settled(self, row: Row, person: Person, worker: Worker, result: Result) -> Row:
        settled: Row
        generation = worker.step.held.generation
        if self.offers.renames and self.renames:
            settled = self.memo(self.rules.settle_renaming, row, generation, result, wanted=person.key)
        else:
            settle = self.rules.settle_outdated if worker.outdated else self.rules.settle
            settled = self.memo(settle, row, generation, result)
        return settled

    def _whose(self, state: State, step: Step, result: Result) -> tuple[State, Result]:
        """`thirdparty.store.meeting.whose`: another row may be the one that the record's external id or username points to."""
        if result.parked == transitions.IDENTITY_CONFLICT and 0 <= result.owner < len(state.rows):
            other = state.rows[result.owner]
            if self._has_been_renamed(other, result):
                settled, other = self.memo(self.rules.named_by_a_former, step.held, result, other)
            else:
                settled, other = self.memo(
                    self.rules.named_as_ours, step.held, result, other, gone=self._has_gone(state, result)
                )
            return state.with_row(result.owner, other), settled
        if not result.instead or not self._is_anothers(state, step.row, result):
            return state, result
        return state, result.instead

    def _has_gone(self, state: State, result: Result) -> bool:
        """Whether somebody had the username of the record found who is gone, and not the one of its external id."""
        called = self._login(state, result.owner) == result.login
        others = (number for number, row in enumerate(state.rows) if row.deleted and number != result.owner)
        keys = (login_of(number, self.offers, state.people[number].key) for number in others)
        return not called and result.login in keys

    def _login(self, state: State, index: int) -> int:
        """By which username the target knows the record of this row."""
        return login_of(index, self.offers, state.rows[index].login if index < len(state.rows) else 0)

    def _has_been_renamed(self, other: Row, result: Result) -> bool:
        return self.offers.renames and other.remote_id == result.found and other.login != result.login

    def _is_known_by(self, state: State, index: int, login: int) -> bool:
        row = state.rows[index]
        return row.named and login in (self._login(state, index), row.former)

    def _is_anothers(self, state: State, index: int, result: Result) -> bool:
        if result.owner != index:
            other = state.rows[result.owner] if result.owner < len(state.rows) else None
            if other is None or self._is_known_by(state, result.owner, result.login):
                return False
            return not self._has_been_renamed(other, result)
        others = (
            row
            for number, row in enumerate(state.rows)
            if number != index and self._is_known_by(state, number, result.login)
        )
        return any(row.remote_id == result.found if self.rules.by_link else row.may_exist for row in others)

    def _doubt(self, state: State, index: int, before: Row) -> State:
        if before.recheck == "open" and not self.rules.extends:
            return state
        return state.covering(index)


def _untold(result: Result) -> Result:
    """Without what only `thirdparty.store.meeting` looks at."""
    return result._replace(shown=False, owner=-1, login=-1, found=0, instead=(), let_go=())


def _after(worker: Worker, person: Person, before: Row, settled: Row) -> Person:
    """The user once the worker has settled; what it has not seen, of a newer version, is owed anew."""
    return _acknowledged(asks_anew(person) if worker.outdated else person, before, settled, worker.step)


def _acknowledged(person: Person, before: Row, after: Row, step: Step) -> Person:
    if after.synced == before.synced:
        return person
    seq = step.seq if after.synced == step.held.generation else person.seq
    return person._replace(synced_seq=seq, stopped=-1 if person.stopped == seq else person.stopped)
