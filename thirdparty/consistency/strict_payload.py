"""What a strict write asks of a target in the object's stead, and what its answer may change in the row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from thirdparty.connectors.base import Payload, RemoteObject
from thirdparty.decide.lease import Lease
from thirdparty.decide.ownership import TRUST
from thirdparty.decide.result import FinishedStep, Next, StepResult
from thirdparty.declaration import Unmappable, of_kind
from thirdparty.declaration.at_target import WaitsFor
from thirdparty.models import StrictWrite
from thirdparty.models.strict_write import Action
from thirdparty.run import payloads
from thirdparty.run.payloads import Desired, prepared, seen_by


class Candidate:
    """The candidate of one open strict write, in the place of the object as it is."""

    def __init__(self, token: str) -> None:
        self._token = token
        self._brought: set[str] = set()

    def read(self, target: str, leases: Sequence[Lease]) -> Mapping[str, Desired]:
        """What the target is to hold, should the strict write be accepted, by the record's key."""
        present = payloads.read(target, leases)
        strict_write = StrictWrite.objects.get(token=self._token)
        wanted = {lease.key: _prepared(strict_write, target, lease) for lease in leases}
        self._brought = {
            key
            for key, goal in present.items()
            if goal.obj is None
            and not isinstance(goal.obstacle, Unmappable | WaitsFor)
            and wanted[key].obj is not None
        }
        return wanted

    def only_facts(self, ended: FinishedStep) -> FinishedStep:
        """What a candidate's step leaves in the row: the facts about the remote record and nothing else."""
        return replace(
            ended, settlement=only_facts(ended.lease, ended.settlement, brings=ended.lease.key in self._brought)
        )


@dataclass(frozen=True, slots=True)
class Asked:
    """What a target is asked to accept: None for no record. ``used``: the remote ids in it, by the key of their record."""

    payload: Payload | None = None
    used: Mapping[str, str] = field(default_factory=dict)


def asked_of(strict_write: StrictWrite, target: str, natural_key: str = "") -> Asked:
    """What this target is asked to accept, by what is known now. ``natural_key``: that of the record there, if any.

    Raises `Unmappable`, `WaitsFor`, and what a declaration raises.
    """
    if strict_write.action == Action.DELETE:
        return Asked()
    at_target = seen_by(strict_write.ref, target, natural_key or strict_write.natural_key)
    payload = of_kind(strict_write.kind).candidate(strict_write.candidate, at_target)
    return Asked(payload, at_target.used)


def _prepared(strict_write: StrictWrite, target: str, lease: Lease) -> Desired:
    used: dict[str, str] = {}

    def wanted() -> RemoteObject | None:
        asked = asked_of(strict_write, target, lease.natural_key)
        used.update(asked.used)
        if asked.payload is None:
            return None
        return RemoteObject(lease.external_id, lease.natural_key or strict_write.natural_key, asked.payload)

    return prepared(lease.key, wanted, used)


def only_facts(lease: Lease, result: StepResult, *, brings: bool) -> StepResult:
    """The settlement of a candidate's step, once it is known whose record it is about. Pure.

    Neither acknowledged nor parked: the row stays owed, so that whatever becomes of the strict write,
    the record is brought level with the object as it is. ``brings``: it wants a record at this target, and the object
    as it is wants none. One that was there before then counts as taken on trust until the candidate is accepted: it is
    unlinked, not deleted, should that not come about.
    """
    found = result.remote_id is not None and lease.remote_id is None and not result.acknowledged
    # What our own unanswered add made carries our external id, and is taken back as what it is: ours.
    was_there = found and (bool(result.adopted) or lease.add_key is None)
    return replace(
        result,
        acknowledged=False,
        parked="",
        external_id="",
        instead=None,
        let_go=None,
        next=Next.NOW,
        adopted=TRUST if was_there and brings else result.adopted,
    )
