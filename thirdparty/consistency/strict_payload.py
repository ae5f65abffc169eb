"""What a strict write asks of a target in the user's stead, and what its answer may change in the row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from uuid import UUID

from thirdparty.connectors.base import RemoteObject
from thirdparty.decide.interpret import TRUST
from thirdparty.decide.lease import Lease
from thirdparty.decide.mapping import wanted
from thirdparty.decide.result import FinishedStep, Next, StepResult
from thirdparty.models import StrictWrite
from thirdparty.models.strict_write import Action
from thirdparty.run import payloads
from thirdparty.run.payloads import Desired, prepared
from thirdparty.run.roles import roles_at
from users.models import User


class Candidate:
    """The candidate of one open strict write, in the place of the user as they are."""

    def __init__(self, token: str) -> None:
        self._token = token
        self._unwanted: set[str] = set()

    def desired(self, target: str, leases: Sequence[Lease]) -> Mapping[str, Desired]:
        """What the target is to hold, should the strict write be accepted, by the record's key."""
        present = payloads.desired(target, leases)
        self._unwanted = {key for key, goal in present.items() if goal == Desired()}
        return {lease.key: prepared(lease.key, partial(self._wanted, target, lease.natural_key)) for lease in leases}

    def _wanted(self, target_name: str, natural_key: str) -> RemoteObject | None:
        strict_write = StrictWrite.objects.get(token=self._token)
        if strict_write.action == Action.DELETE:
            return None
        values = dict(strict_write.candidate)
        groups = values.pop("groups")
        user = User(uuid=UUID(strict_write.object_id), **values)
        roles = roles_at(target_name, groups) if user.is_active else {}
        return wanted(user, natural_key=natural_key or user.username, roles=roles)

    def only_facts(self, ended: FinishedStep) -> FinishedStep:
        """What a candidate's step leaves in the row: the facts about the remote record and nothing else."""
        return replace(
            ended,
            settlement=only_facts(ended.lease, ended.settlement, wanted_anyway=ended.lease.key not in self._unwanted),
        )


def only_facts(lease: Lease, result: StepResult, *, wanted_anyway: bool) -> StepResult:
    """The settlement of a candidate's step. Pure.

    Neither acknowledged nor parked: the row stays owed, so that whatever becomes of the strict write,
    the record is brought level with the user as they are. ``wanted_anyway``: that, too, means a record at this
    target. Where it does not, one that was there before counts as taken on trust until the candidate is accepted:
    it is unlinked, not deleted, should that not come about.
    """
    found = result.remote_id is not None and lease.remote_id is None and not result.acknowledged
    # What our own unanswered add made carries our external id, and is taken back as what it is: ours.
    was_there = found and (bool(result.adopted) or lease.add_key is None)
    return replace(
        result,
        acknowledged=False,
        parked="",
        next=Next.NOW,
        adopted=TRUST if was_there and not wanted_anyway else result.adopted,
    )
