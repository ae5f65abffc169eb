"""The product's own decisions, asked with abstract facts: `next_call` and `Interpreter`."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from tests.chaos.model.row import Held, Result
from tests.chaos.model.target import Offers, Record, login_of
from tests.chaos.model.uses import USE
from thirdparty.connectors import errors
from thirdparty.connectors.base import Capabilities, RemoteObject, RemoteRecord, fields_of
from thirdparty.connectors.leaving import Leaving
from thirdparty.decide.backoff import Backoff
from thirdparty.decide.brake import Change
from thirdparty.decide.interpret import Interpreter
from thirdparty.decide.lease import Lease
from thirdparty.decide.plan import Attempted, Call
from thirdparty.decide.result import StepResult
from thirdparty.models import Ref

BACKOFF = Backoff(first_seconds=1.0, most_seconds=1.0, tries=3, grace_seconds=0.0)
EXTERNAL_IDS = {owner: USE.external_id(object_id) for owner, object_id in USE.object_ids.items()}
OWNERS = {external_id: owner for owner, external_id in EXTERNAL_IDS.items()} | {"": -1}
ONE_USERNAME = Offers()
MATCHED = "phone"
"""The field that the policy ``match`` goes by."""
USERNAMES = ("shared", "another", "a stranger's")


class Step(NamedTuple):
    """What one lease is about. ``seq``: the content that was read; ``present``: a record is wanted at all.

    ``other``: the row that the content refers to, with its remote id, ``used``; or that stands in the way, as the
    ``obstacle`` says: it is ``waited for``, is waiting for this one (``a circle``), or ``names`` it at the target, ``in vain`` where one that does is parked; ``the brake`` needs no other row. A deletion
    that the target has ``refused`` is none before it is settled.
    """

    row: int
    held: Held
    seq: int
    present: bool
    call: str
    key: int
    other: int = -1
    used: int = 0
    obstacle: str = ""


class Answer(NamedTuple):
    """What came back. ``kind``: a status of the target, ``found`` (a read), or what went wrong instead."""

    kind: str
    remote_id: int = 0
    found: Record | None = None


NextCall = Callable[..., Call]


def plan(step: Step, offers: Offers, next_call: NextCall, leaving: Leaving) -> str:
    """What to ask of the target. Keys and looks are always fresh: the first since a day is longer than any run, the second
    since whoever looks once more knows more."""
    capabilities = Capabilities(query=offers.query, idempotency=offers.idempotency, versions=offers.versions)
    goal = wanted(step, offers)
    return next_call(
        lease(step, offers), goal, capabilities, attempted=Attempted(key_is_fresh=True, looked=True), leaving=leaving
    ).value


def judge(step: Step, answer: Answer, offers: Offers, adopt: str, kind: type[Interpreter]) -> Result:
    """What the answer leaves in the row, by `thirdparty.decide.interpret`; asks it as `thirdparty.run.push` does."""
    if step.obstacle:
        return abstract(_blocked(_verdict(step, offers, adopt, kind), step))
    return abstract(_judged(_verdict(step, offers, adopt, kind), Call(step.call), answer))


def best(step: Step, found: tuple[Record, ...], offers: Offers, adopt: str, kind: type[Interpreter]) -> Record | None:
    """What `thirdparty.run.look_up` goes by, of what the look-ups gave, in their order."""
    verdict = _verdict(step, offers, adopt, kind)
    records = [(remote_record(record), record) for record in found]
    for read, record in records:
        if verdict.is_whole(read):
            return record
    for read, record in records:
        if verdict.is_ours(read) or verdict.is_questionable(read):
            return record
    return found[-1] if found else None


def _verdict(step: Step, offers: Offers, adopt: str, kind: type[Interpreter]) -> Interpreter:
    return kind(
        lease=lease(step, offers),
        call=Call(step.call),
        wanted=wanted(step, offers),
        add_key=str(step.key) if step.key else None,
        adopt=adopt,
        match_on=(MATCHED,),
        comparable=fields_of,
        can_query=offers.query,
        renames=offers.renames,
        backoff=BACKOFF,
        random=lambda: 0.5,
    )


def _blocked(verdict: Interpreter, step: Step) -> StepResult:
    other = str(step.other)
    match step.obstacle:
        case "names" | "names in vain":
            return verdict.blocked("", held_by=other, in_vain=step.obstacle == "names in vain")
        case "the brake":
            return verdict.held(Change.DELETE)
        case "a circle":
            return verdict.blocked("", waits_for=other, circle=True)
        case _:
            return verdict.blocked("", waits_for=other)


def _judged(verdict: Interpreter, call: Call, answer: Answer) -> StepResult:  # noqa: C901, PLR0911, PLR0912  # one case for each answer
    found = remote_record(answer.found) if answer.found is not None else None
    match answer.kind, call:
        case "unanswered", _:
            return verdict.failed(errors.OutcomeUnknown("timeout"))
        case "busy" | "late", _:
            return verdict.failed(errors.Transient(answer.kind))
        case "refused", _:
            made = found is not None and verdict.is_ours(found)
            if made:
                return verdict.verified(found)
            gone = call is Call.ADD and verdict.wanted is None and verdict.can_query
            return verdict.verified(None) if gone else verdict.failed(errors.Rejected("invalid"))
        case "ok", Call.ADD:
            return verdict.added(str(answer.remote_id))
        case "ok", Call.UPDATE:
            return verdict.updated()
        case "ok", Call.DEACTIVATE:
            return verdict.deactivated(None)
        case "ok", Call.DELETE:
            return verdict.absent()
        case "exists", Call.UPDATE:
            return verdict.key_refused(found)
        case "exists", _:
            return verdict.key_taken(str(answer.remote_id), found)
        case "missing", _:
            return verdict.vanished(found)
        case "stale", _:
            return verdict.outdated(found)
        case _, Call.WAIT:
            return verdict.waiting()
        case _, Call.LEAVE:
            return verdict.left()
        case _, Call.NOTHING | Call.UNLINK:
            return verdict.unlinked()
        case _, Call.VERIFY:
            return verdict.verified(found)
        case _, Call.CONFIRM:
            return verdict.confirmed(found)
        case _, Call.RECHECK:
            return verdict.rechecked(found) if verdict.can_query else verdict.recheck_blindly()
    raise AssertionError(f"no judgement of {answer} to {call}")


def lease(step: Step, offers: Offers = ONE_USERNAME) -> Lease:
    """The product's lease for an abstract one."""
    held = step.held
    return Lease(
        key=key_of(step.row),
        target=USE.target,
        kind=USE.kind,
        object_id=USE.object_ids[step.row],
        external_id=EXTERNAL_IDS[step.row],
        token="token",
        expires=float("inf"),
        generation=held.generation,
        deleted=False,
        remote_id=text(held.remote_id),
        natural_key=USERNAMES[login_of(step.row, offers, held.login)] if held.named else "",
        adopted=held.adopted,
        add_key=text(held.add_key),
        in_doubt=held.in_doubt,
        window_over=held.window_over,
        failed_tries=held.failed_tries,
        crashes=held.crashes,
        look_first=held.look_first,
        no_progress=held.no_progress,
        days_over=held.days_over,
        released=held.released,
        replaces=held.replaces,
        former_key=USERNAMES[held.former_key] if held.former_key >= 0 else "",
    )


def wanted(step: Step, offers: Offers) -> RemoteObject | None:
    """What `thirdparty.run.payloads.read` gives: None where the user is gone or inactive."""
    if not step.present:
        return None
    payload = content(step.row, step.seq, step.used)
    return RemoteObject(external_id(step.row), USERNAMES[login_of(step.row, offers, step.held.login)], payload)


def key_of(row: int) -> str:
    return Ref(USE.kind, USE.object_ids[row]).key(USE.target)


def external_id(owner: int) -> str:
    return EXTERNAL_IDS.get(owner, "")


def content(owner: int, seq: int, refers: int) -> dict[str, str]:
    return {"name": f"{owner} after edit {seq}", MATCHED: "", "customer": str(refers)}


def remote_record(record: Record) -> RemoteRecord:
    return RemoteRecord(
        remote_id=str(record.id),
        external_id=external_id(record.owner),
        key=USERNAMES[record.login],
        payload=content(record.owner, record.seq, record.refers),
        version=record.version or None,
    )


def abstract(settlement: StepResult) -> Result:
    return Result(
        outcome=settlement.outcome.value,
        remote_id=number(settlement.remote_id),
        adopted=settlement.adopted,
        add_key=number(settlement.add_key),
        acknowledged=settlement.acknowledged,
        raise_above=settlement.raise_above if settlement.raise_above is not None else -1,
        doubt=settlement.doubt.value,
        parked=settlement.parked,
        next=settlement.next.value,
        look_first=settlement.look_first,
        no_progress=settlement.no_progress,
        shown=settlement.shown,
        owner=OWNERS[settlement.external_id],
        login=USERNAMES.index(settlement.natural_key) if settlement.natural_key else -1,
        waits_for=int(settlement.waits_for or -1),
        held_by=int(settlement.held_by or -1),
        found=int(settlement.found_id or 0),
        instead=abstract(settlement.instead) if settlement.instead is not None else (),
        let_go=abstract(settlement.let_go) if settlement.let_go is not None else (),
        stays=-1 if settlement.stays is None else int(settlement.stays),
        known_by=USERNAMES.index(settlement.known_by) if settlement.known_by else -1,
    )


def text(name: int) -> str | None:
    """An id or key as the product has it."""
    return str(name) if name else None


def number(name: str | None) -> int:
    return int(name) if name is not None else 0
