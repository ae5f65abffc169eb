"""Ask the targets, one after the other, whether they accept a candidate."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from thirdparty import targets
from users.models import StrictWrite, UserSync
from users.models.strict import Kind
from users.sync import wake
from users.sync.patience import retrying
from users.sync.push import push
from users.sync.roles import roles_at
from users.sync.settlement import Next, Settlement
from users.sync.strict.errors import Verdict

_STEPS_PER_TRY = 10


@dataclass(frozen=True, slots=True)
class Accepted:
    target: str
    key: str
    generation: int
    adopted: str
    roles: Mapping[str, str | None]

    def covers(self, row: UserSync, groups: Collection[str]) -> bool:
        """Whether nothing came since. A role that changed is owed to members, which this user may not be yet."""
        return row.generation == self.generation and roles_at(self.target, groups) == self.roles


def ask_all(strict_write: StrictWrite, deadline: float) -> tuple[list[Verdict], list[Accepted]]:
    verdicts: list[Verdict] = []
    accepted: list[Accepted] = []
    for name in targets.names():
        if verdicts and not verdicts[-1].accepted:
            verdicts.append(Verdict(name, accepted=False, reason="not_asked", message="another target refused first"))
            continue
        key = wake.sync_key(name, strict_write.user_uuid)
        ask = retrying(lambda answer: answer[2], within_seconds=deadline - time.monotonic())
        verdict, acceptance, _ = ask(_ask, strict_write, name, key)
        verdicts.append(verdict)
        if acceptance is not None:
            accepted.append(acceptance)
    return verdicts, accepted


def _ask(strict_write: StrictWrite, name: str, key: str) -> tuple[Verdict, Accepted | None, bool]:
    """One try at one target: the verdict, the acceptance, and whether another try may change it."""
    roles = roles_at(name, strict_write.groups)
    for _ in range(_STEPS_PER_TRY):
        pushed = push(name, key, strict=strict_write.token)
        if pushed is None:
            return Verdict(name, accepted=False, reason="unavailable", message=_why_not(key)), None, True
        result = pushed.settlement
        if pushed.row is None:
            return Verdict(name, accepted=False, reason="late", message="the answer came too late"), None, False
        wake.heir(pushed.row)
        if pushed.row.parked:
            # A candidate's step parks nothing: what the target answered could not be kept, so it cannot be relied on.
            return Verdict(name, accepted=False, reason=pushed.row.parked, message=pushed.row.last_error), None, False
        if result.acknowledged:
            # For a create `candidates.only_facts` wrote "trust"; the policy is what really made it ours.
            by_policy = strict_write.kind == Kind.CREATE and result.adopted
            adopted = targets.config(name).adopt if by_policy else result.adopted
            return Verdict(name, accepted=True), Accepted(name, key, pushed.generation, adopted, roles), False
        if result.failed or result.next is not Next.NOW:
            return Verdict(name, accepted=False, **_said(result)), None, not result.parked
    return Verdict(name, accepted=False, reason="undecided", message="the target keeps changing"), None, False


def _said(result: Settlement) -> dict[str, str]:
    if result.failed:
        return {"reason": result.reason, "message": result.message}
    return {"reason": "unknown", "message": "an unanswered request may still take effect"}


def _why_not(key: str) -> str:
    row = UserSync.objects.filter(key=key).first()
    if row is None:
        return "the target is not in use"
    if row.lease_token is not None:
        return "a worker is busy with this record"
    others = UserSync.objects.filter(target=row.target, remote_username=row.remote_username, may_exist=True)
    if row.remote_username and others.exclude(key=key).exists():
        return "another record still holds the username at the target"
    return "nothing is sent to the target at present"
