"""Strict writes: every target accepts the candidate first, or nothing stays (PROTOCOL 14).

Open, ask each target, then apply or take back. A process that dies in between leaves an open row that
expires, and what the targets took by then is owed already (`users.sync.outbox.claim`): ordinary
convergence towards the unchanged user undoes it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models.functions import Now
from django.utils import timezone

from thirdparty import targets
from users.models import StrictWrite, User, UserSync
from users.models.strict import Kind
from users.sync import limits, wake
from users.sync.outbox import strict_rows
from users.sync.patience import retrying
from users.sync.push import push
from users.sync.roles import hold, roles_at
from users.sync.settlement import Next, Settlement

_STEPS_PER_TRY = 10
_SWEPT_AT_ONCE = 1_000


class Underway(Exception):
    """The user is in a strict write: write again when that one is over."""

    def __init__(self, retry_after_seconds: float) -> None:
        super().__init__("another write to this user is waiting for the targets")
        self.retry_after_seconds = retry_after_seconds


class ChangedMeanwhile(Exception):
    """The user is not as the candidate was made from, or the time was over: read, then write again."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one target said. ``reason`` and ``message`` hold no personal details."""

    target: str
    accepted: bool
    reason: str = ""
    message: str = ""


class NotAccepted(Exception):
    """Not every target accepted, so nothing was written here: change the write, or try it later."""

    def __init__(self, verdicts: Sequence[Verdict]) -> None:
        super().__init__(", ".join(f"{v.target}: {v.reason or 'accepted'}" for v in verdicts))
        self.verdicts = tuple(verdicts)


@dataclass(frozen=True, slots=True)
class _Accepted:
    target: str
    key: str
    generation: int
    adopted: str
    roles: Mapping[str, str | None]

    def covers(self, row: UserSync, groups: Collection[str]) -> bool:
        """Whether nothing came since. A role that changed is owed to members, which this user may not be yet."""
        return row.generation == self.generation and roles_at(self.target, groups) == self.roles


def require_none(user_uuid: UUID) -> None:
    """Raise `Underway` while a strict write of this user stands. Call with the user's row locked.

    One that has expired is taken back here and now.
    """
    _take_back_expired(user_uuid=user_uuid)
    standing = StrictWrite.objects.of(user_uuid).first()
    if standing is not None:
        seconds = (standing.expires_at - timezone.now()).total_seconds()
        raise Underway(max(1.0, seconds))


def open_write(kind: Kind, user: User, groups: Sequence[str], *, base: str) -> StrictWrite:
    """Keep the candidate, and rows for it at every target. Call in a transaction, with the user's row locked.

    ``base``: the fingerprint of the user that the candidate was made from, empty for a create.
    Raises `Underway` while another one stands, `IntegrityError` for a username that one keeps, or a user has.
    """
    require_none(user.uuid)
    _take_back_expired(kind=Kind.CREATE, username=user.username)
    strict_rows.ensure(user.uuid, user.username if kind == Kind.CREATE else "", tombstone=kind == Kind.CREATE)
    values = {
        "username": user.username,
        "name": user.name,
        "phone": user.phone,
        "email": user.email,
        "is_active": user.is_active,
        "groups": list(groups),
    }
    strict_write = StrictWrite.objects.create(
        user_uuid=user.uuid,
        kind=kind,
        username=user.username,
        candidate={} if kind == Kind.DELETE else values,
        base=base,
        token=uuid4().hex,
        expires_at=timezone.now() + timedelta(seconds=most_seconds()),
    )
    # Only now: one that kept the username until just before is a user by now, whom the choice had not seen.
    if kind == Kind.CREATE and User.objects.filter(username=user.username).exists():
        raise IntegrityError(f"the username {user.username} was taken in the same instant")
    return strict_write


def carry_out(strict_write: StrictWrite, write: Callable[[], Any], kept: Callable[[], Any]) -> None:
    """Ask every target; all accept → ``write`` is called in the transaction that ends the strict write.

    ``kept``: called there, too, once the records say that the targets have it.
    Raises `NotAccepted` or `ChangedMeanwhile` once everything is taken back (what a target took
    is undone by ordinary convergence, which is owed from then on).
    """
    deadline = time.monotonic() + _patience_seconds()
    try:
        verdicts, accepted = _ask_all(strict_write, deadline)
        _require_accepted(verdicts)
        _apply(strict_write, accepted, write, kept)
    except BaseException:
        take_back(strict_write)
        raise


def take_back(strict_write: StrictWrite) -> bool:
    """End the strict write without its change; owe whatever a target may have taken. False when it had ended."""
    with transaction.atomic():
        ended, _ = StrictWrite.objects.filter(token=strict_write.token).delete()
        if ended:
            strict_rows.owe_undoing(strict_write.user_uuid)
    return bool(ended)


def sweep() -> int:
    """Take back the strict writes whose process died. Returns how many."""
    return _take_back_expired()


def _take_back_expired(**which: Any) -> int:
    expired = StrictWrite.objects.expired().filter(**which).order_by("id")
    return sum(take_back(strict_write) for strict_write in expired[:_SWEPT_AT_ONCE])


def _require_accepted(verdicts: Sequence[Verdict]) -> None:
    if not all(verdict.accepted for verdict in verdicts):
        raise NotAccepted(verdicts)


def _ask_all(strict_write: StrictWrite, deadline: float) -> tuple[list[Verdict], list[_Accepted]]:
    verdicts: list[Verdict] = []
    accepted: list[_Accepted] = []
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


def _ask(strict_write: StrictWrite, name: str, key: str) -> tuple[Verdict, _Accepted | None, bool]:
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
            return Verdict(name, accepted=True), _Accepted(name, key, pushed.generation, adopted, roles), False
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


def _apply(
    strict_write: StrictWrite, accepted: Sequence[_Accepted], write: Callable[[], Any], kept: Callable[[], Any]
) -> None:
    try:
        with transaction.atomic():
            # The user first, then the strict write, roles, and the records: everybody locks in this order.
            user = User.objects.select_for_update().filter(uuid=strict_write.user_uuid).first()
            ended, _ = StrictWrite.objects.filter(token=strict_write.token, expires_at__gt=Now()).delete()
            if not ended:
                raise ChangedMeanwhile("the time for this write was over before the targets had answered")
            hold(strict_write.groups)
            keys = [acceptance.key for acceptance in accepted]
            rows = {row.key: row for row in UserSync.objects.select_for_update().filter(key__in=keys).order_by("key")}
            if (user.fingerprint() if user is not None else "") != strict_write.base:
                raise ChangedMeanwhile("somebody else changed the user while the targets were asked")
            level = [taken for taken in accepted if taken.covers(rows[taken.key], strict_write.groups)]
            write()
            for taken in level:
                strict_rows.acknowledge(taken.key, adopted=taken.adopted)
            kept()
    except IntegrityError:
        raise ChangedMeanwhile("the username was taken, or a group removed, while the targets were asked") from None


def most_seconds() -> float:
    """How long a strict write may stand: the targets' time, and a lease for the last call to end in."""
    return _patience_seconds() + limits.lease_seconds()


def _patience_seconds() -> float:
    """How long the targets are asked, at most."""
    each = (targets.config(name).timeout_seconds + settings.SYNC_WAIT_PAUSE_SECONDS for name in targets.names())
    return float(settings.SYNC_WAIT_TRIES * sum(each))
