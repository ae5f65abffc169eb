"""The beginning of a step, in the database: claim some records, decide what to ask, and write it down."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from django.db import DatabaseError, IntegrityError, transaction

from thirdparty import store, targets
from thirdparty.connectors.base import Capabilities, Connector, RemoteObject
from thirdparty.connectors.config import TargetConfig
from thirdparty.decide.brake import Change
from thirdparty.decide.failures import CRASH_LIMIT, WORKER_DIED
from thirdparty.decide.lease import Lease, Terms
from thirdparty.decide.plan import REMOVALS, Attempted, Call, next_call, removal
from thirdparty.declaration import Unmappable
from thirdparty.declaration.at_target import WaitsFor
from thirdparty.declaration.registry import any_references
from thirdparty.protect import Admission, brake
from thirdparty.run import attempted, destruction, payloads
from thirdparty.run.destruction import Effect
from thirdparty.run.renaming import without_contested
from thirdparty.run.replacing import replaced_first
from thirdparty.settings import settings

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Step:
    """One claimed record, what to ask of its target, and all that this takes: no database is needed from here on.

    ``offered``: what may be asked for now, of what the target is said to offer. ``look_up_in_seconds``: the look-up that
    it is said to offer is off for so long; None where it is not. Whatever rests on it then waits: the call is planned,
    and judged, by what the target is *said* to offer. ``sent``: what the row keeps once the step is acknowledged, where
    that is known already.
    """

    lease: Lease
    call: Call
    wanted: RemoteObject | None
    attempt_id: int
    add_key: str
    target: TargetConfig
    connector: Connector
    offered: Capabilities
    look_up_in_seconds: float | None
    obstacle: Obstacle | None
    refers_to: tuple[str, ...] = ()
    sent: str | None = None

    @property
    def asks(self) -> bool:
        """Whether this step asks the target anything."""
        reads = self.call.reads and self.offered.query
        return self.obstacle is None and (self.call.writes or reads)


@dataclass(frozen=True, slots=True)
class HeldBy:
    """The record is to be deleted, and this other one still names it at the target. ``in_vain``: one that does is parked."""

    key: str
    in_vain: bool


@dataclass(frozen=True, slots=True)
class Circle:
    """The record waits for one that waits for it."""

    key: str
    message: str


@dataclass(frozen=True, slots=True)
class Braked:
    """The brake holds the step, which would make this change."""

    change: Change


Obstacle = Unmappable | WaitsFor | HeldBy | Circle | Braked | str
Planned = tuple[Lease, Call, Obstacle | None]
Read = Callable[[str, Sequence[Lease]], Mapping[str, payloads.Desired]]


def claim_and_plan(
    target: TargetConfig, admission: Admission, claim: Callable[[Terms], Sequence[Lease]], *, read: Read | None = None
) -> list[Step]:
    """Claim and commit; read the objects, with nothing locked; decide and write the attempts, committed before anything is sent.

    ``read``: what the target is to hold, by the record's key; as a rule the objects as they are. A record whose lease ran
    out while its object was read is left to whoever takes it over. Where reading or writing down fails, as where the database
    is not to be had, the leases are given back and the error is raised.
    """
    leases = _claimed(
        claim, Terms(settings.SYNC_LEASE_SECONDS, target.visibility_seconds, target.leaving.delete_after_seconds)
    )
    try:
        leases = without_contested(target.name, leases)
        if not leases:
            return []
        return _planned(target, admission, *replaced_first(leases, (read or payloads.read)(target.name, leases)))
    except BaseException:
        _give_back(leases)
        raise


def _claimed(claim: Callable[[Terms], Sequence[Lease]], terms: Terms) -> Sequence[Lease]:
    try:
        return claim(terms)
    except IntegrityError:
        # Two of them took one natural key: the others must not suffer.
        return claim(replace(terms, one_by_one=True))


def _planned(
    target: TargetConfig, admission: Admission, leases: Sequence[Lease], goals: Mapping[str, payloads.Desired]
) -> list[Step]:
    fresh = attempted.with_fresh_keys(leases)
    looked = attempted.looked_at([lease for lease in leases if goals[lease.key].obj is None])
    said, offered = target.capabilities, admission.offered(target.capabilities)
    leaving = [lease.key for lease in leases if goals[lease.key].obj is None] if any_references() else []
    with transaction.atomic():
        holders = store.references.holders_of(leaving)
        in_vain = store.references.named_in_vain(list(holders))
        planned: Sequence[Planned] = [
            _held(
                *_plan(lease, goals[lease.key], target, Attempted(lease.key in fresh, lease.key in looked)),
                lease,
                holders,
                in_vain,
            )
            for lease in leases
        ]
        effects = _effects(target, planned, goals)
        planned = _braked(target, planned, effects)
        attempts = store.open_attempts([(lease, call) for lease, call, _ in planned])
        planned = [each for each in planned if each[0].key in attempts]
        store.references.note({lease.key: goals[lease.key].used for lease, call, _ in planned if call.writes})
    if len(planned) < len(leases):
        lost = ", ".join(lease.key for lease in leases if lease.key not in attempts)
        logger.warning("%s: the lease was lost before anything could be sent", lost)
    look_up_in_seconds = admission.without_seconds if said.query and not offered.query else None
    return [
        Step(
            lease, call, _wanted(goals[lease.key].obj, effects.get(lease.key)) if obstacle is None else None,
            attempts[lease.key].id, attempts[lease.key].add_key, target, targets.connector(target.name, lease.kind), offered,
            look_up_in_seconds, obstacle, tuple(goals[lease.key].used),
            effects[lease.key].sent if lease.key in effects else None,
        )
        for lease, call, obstacle in planned
    ]  # fmt: skip


def _wanted(obj: RemoteObject | None, effect: Effect | None) -> RemoteObject | None:
    return obj if obj is None or effect is None or not effect.dropped else replace(obj, dropped=effect.dropped)


def _give_back(leases: Sequence[Lease]) -> None:
    try:
        store.release(leases)
    except DatabaseError as error:
        logger.warning("%s leases run out by themselves: %s", len(leases), error)


def _plan(
    lease: Lease, goal: payloads.Desired, target: TargetConfig, attempted: Attempted
) -> tuple[Call, Obstacle | None]:
    if lease.crashes >= CRASH_LIMIT:
        return Call.NOTHING, WORKER_DIED
    if goal.obstacle is not None:
        return Call.NOTHING, goal.obstacle
    try:
        call = next_call(lease, goal.obj, target.capabilities, attempted=attempted, leaving=target.leaving)
    except Exception as error:  # whatever the record does to our code, it ends in its row
        logger.exception("%s: cannot be planned", lease.key)
        return Call.NOTHING, type(error).__name__
    return call, None


def _held(
    call: Call, obstacle: Obstacle | None, lease: Lease, holders: Mapping[str, str], in_vain: Collection[str]
) -> Planned:
    """A record that others still name at the target is deleted after them; two that wait for each other have no end."""
    holder = holders.get(lease.key)
    if call is Call.DELETE and holder is not None:
        return lease, Call.NOTHING, HeldBy(holder, lease.key in in_vain)
    if isinstance(obstacle, WaitsFor) and store.references.is_circle(lease.key, obstacle.key):
        return lease, call, Circle(obstacle.key, obstacle.message)
    return lease, call, obstacle


def _effects(
    target: TargetConfig, planned: Sequence[Planned], goals: Mapping[str, payloads.Desired]
) -> dict[str, Effect]:
    """What the updates, deactivations and deletions among them do to the target; a look before a removal counts as it."""
    leads_to = {
        lease.key: removal(lease, target.leaving) if call is Call.CONFIRM and goals[lease.key].obj is None else call
        for lease, call, obstacle in planned
        if obstacle is None
    }
    return {
        lease.key: destruction.effect(
            leads_to[lease.key],
            goals[lease.key].obj,
            lease.sent,
            targets.connector(target.name, lease.kind),
            renames=bool(lease.former_key),
        )
        for lease, _, _ in planned
        if leads_to.get(lease.key) in (Call.UPDATE, *REMOVALS)
    }


def _braked(target: TargetConfig, planned: Sequence[Planned], effects: Mapping[str, Effect]) -> Sequence[Planned]:
    """The same, without what the brake holds. A person's release is of one generation, and is not counted again."""
    asking = {
        lease.key: change
        for lease, _, _ in planned
        if lease.key in effects and (change := effects[lease.key].change) is not None
    }
    # What was written between the claim and the reading is in what was read, and nobody let that go.
    released = {lease.key for lease, _, _ in planned if lease.released} & asking.keys()
    let_go = store.held.still_released(released) if released else frozenset()
    changes = {key: change for key, change in asking.items() if key not in let_go}
    held = brake.reserve(target.name, changes) if changes else frozenset()
    return [
        _put_off(lease, changes[lease.key]) if lease.key in held else (lease, call, obstacle)
        for lease, call, obstacle in planned
    ]


def _put_off(lease: Lease, change: Change) -> Planned:
    """Held; but whose earlier request was not answered is read back first, as any other."""
    return (lease, Call.WAIT, None) if lease.in_doubt else (lease, Call.NOTHING, Braked(change))
