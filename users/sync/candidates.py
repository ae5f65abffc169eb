"""What a strict write asks of a target in the user's stead, and what its answer may change in the row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from thirdparty.connector import RemoteUser
from users.models import StrictWrite, User
from users.models.strict import Kind
from users.sync.desired import Desired, prepared
from users.sync.lease import Lease
from users.sync.mapping import wanted
from users.sync.roles import roles_at
from users.sync.settlement import Ended, Next


def desired(token: str, target: str, leases: Sequence[Lease]) -> Mapping[str, Desired]:
    """What the target is to hold, should the strict write be accepted, by the record's key."""
    return {lease.key: prepared(lease.key, partial(_wanted, token, target, lease.remote_username)) for lease in leases}


def _wanted(token: str, target_name: str, remote_username: str) -> RemoteUser | None:
    strict_write = StrictWrite.objects.get(token=token)
    if strict_write.kind == Kind.DELETE:
        return None
    values = dict(strict_write.candidate)
    groups = values.pop("groups")
    user = User(uuid=strict_write.user_uuid, **values)
    roles = roles_at(target_name, groups) if user.is_active else {}
    return wanted(user, remote_username=remote_username or user.username, roles=roles)


def only_facts(ended: Ended) -> Ended:
    """What a candidate's step leaves in the row: the facts about the remote record and nothing else.

    Neither acknowledged nor parked: the row stays owed, so that whatever becomes of the strict write,
    the record is brought level with the user as they are. A record adopted for somebody who is not
    there yet counts as taken on trust until then: it is unlinked, not deleted, should they never come.
    """
    result = ended.settlement
    not_there_yet = ended.lease.deleted and bool(result.adopted)
    facts = replace(
        result,
        acknowledged=False,
        parked="",
        next=Next.NOW,
        adopted="trust" if not_there_yet else result.adopted,
    )
    return replace(ended, settlement=facts)
