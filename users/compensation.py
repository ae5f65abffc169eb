"""What a person does about a record that does not come right by itself. Each deed says who, what and why."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from thirdparty import targets
from thirdparty.connector import RemoteRecord
from thirdparty.errors import CapabilityMissing, TargetError
from users import services, trail
from users.models import RoleMapping, User, UserSync
from users.models.sync import State
from users.services import PersonValues
from users.sync import outbox, wake
from users.sync.outbox import hand
from users.sync.strict import Underway, require_none


class Deed(StrEnum):
    """The ways out, for a record that is dead, held, unknown or pending."""

    RETRY = "retry"
    OVERWRITE = "overwrite"
    ADOPT = "adopt"
    ACCEPT = "accept"
    SETTLE = "settle"


MEANINGS = {
    Deed.RETRY: "look at it now, parked or not",
    Deed.OVERWRITE: "push what we hold once more, whatever the target holds",
    Deed.ADOPT: "the remote record of this id is this user's: link it, then bring it to our values",
    Deed.ACCEPT: "what the target holds is right: write it here",
    Deed.SETTLE: "it was brought right by hand: nothing is owed any more",
}
OPEN = (State.DEAD, State.HELD, State.UNKNOWN, State.PENDING)


class CannotCompensate(Exception):
    """This deed does not fit this record now; the message says what to do instead."""


def compensate(key: str, deed: Deed, *, account: User, reason: str, remote_id: str = "") -> None:
    """Do it, and note who did it and why. ``remote_id``: with ``adopt``.

    Raises `CannotCompensate`, having changed nothing.
    """
    reason = reason.strip()
    if not reason:
        raise CannotCompensate("Say why: the reason is kept with the record.")
    row = UserSync.objects.filter(key=key).first()
    if row is None:
        raise CannotCompensate("There is no such record any more.")
    if row.state not in OPEN:
        raise CannotCompensate(f"The record is {row.state}; this is for those that are {', '.join(OPEN)}.")
    if row.target not in targets.names():
        raise CannotCompensate(f"Target {row.target} is not configured; name it in SYNC_TARGETS first.")
    found = _asked(row, deed, remote_id)  # before the transaction: no lock is held while a target is asked
    try:
        with transaction.atomic():
            # Its end or its next claim moves the record on; the deed sees that, but not that it is under way.
            User.objects.select_for_update().filter(uuid=row.user_uuid).first()
            require_none(row.user_uuid)
            _do(row, deed, remote_id, found)
            trail.record(account, row, trail.CHANGE, _note(deed, remote_id, reason))
            wake.record_on_commit(row.target, key)
    except IntegrityError:
        raise CannotCompensate("Another user is linked to this remote record, or holds its username.") from None
    except ValidationError as problem:
        raise CannotCompensate(f"The target's values do not fit here: {'; '.join(problem.messages)}") from None
    except Underway:
        raise CannotCompensate("A strict write of this user is under way. Try again in a minute.") from None


def _note(deed: Deed, remote_id: str, reason: str) -> str:
    which = f" {remote_id}" if deed is Deed.ADOPT else ""
    return f"{deed}{which}: {reason}"


def _do(row: UserSync, deed: Deed, remote_id: str, found: RemoteRecord | None) -> None:
    match deed:
        case Deed.RETRY:
            done = outbox.look_now([row.key]) == 1
        case Deed.OVERWRITE:
            done = hand.overwrite(row.key, seen=row.generation)
        case Deed.ADOPT:
            username = found.user.username if found is not None else row.remote_username
            done = hand.adopt(row.key, remote_id, username, seen=row.generation)
        case Deed.ACCEPT:
            assert found is not None  # noqa: S101  # for the type checker: `_asked` saw to it
            services.update_user(row.user_uuid, **_values(row.target, found))
            done = hand.adopt(row.key, found.remote_id, found.user.username, seen=None)
        case Deed.SETTLE:
            done = hand.settle(row.key, seen=row.generation)
    if not done:
        raise CannotCompensate("The record has changed, or a worker is busy with it. Look again.")


def _asked(row: UserSync, deed: Deed, remote_id: str) -> RemoteRecord | None:
    """What the target holds, where the deed rests on it."""
    if deed is Deed.ADOPT and not remote_id:
        raise CannotCompensate("Give the id that the record has at the target.")
    if deed not in (Deed.ADOPT, Deed.ACCEPT):
        return None
    if deed is Deed.ACCEPT and row.deleted:
        raise CannotCompensate("The user is gone, so nothing can be written here. Create them anew, or adopt.")
    try:
        found = _find(row, remote_id)
    except CapabilityMissing:
        if deed is Deed.ADOPT:
            return None  # such a target takes our word for it
        raise CannotCompensate("The target cannot be asked what it holds.") from None
    except TargetError as error:
        raise CannotCompensate(f"The target did not say what it holds ({error}). Try again later.") from None
    if found is None:
        raise CannotCompensate("The target holds no such record.")
    others = found.user.external_id
    if others and others != str(row.user_uuid) and _is_held(others):
        raise CannotCompensate("That remote record belongs to another user of ours.")
    return found


def _find(row: UserSync, remote_id: str) -> RemoteRecord | None:
    connector = targets.connector(row.target)
    if remote_id or row.remote_id:
        return connector.find(remote_id=remote_id or row.remote_id)
    found = connector.find(external_id=str(row.user_uuid))
    if found is None and row.remote_username:
        found = connector.find(username=row.remote_username)
    return found


def _is_held(external_id: str) -> bool:
    try:
        return bool(User.objects.filter(uuid=external_id).exists())
    except ValidationError:
        return False


def _values(target: str, found: RemoteRecord) -> PersonValues:
    """The remote values as ours. Raises `CannotCompensate` for a role that no group here has."""
    mapped: dict[str, Any] = dict(
        RoleMapping.objects.filter(target=target, remote_role_id__in=found.user.role_ids).values_list(
            "remote_role_id", "group_id"
        )
    )
    unmapped = sorted(set(found.user.role_ids) - set(mapped))
    if unmapped:
        raise CannotCompensate(f"No group here has the target's role {', '.join(unmapped)}. Map it first.")
    groups = list(Group.objects.filter(id__in=mapped.values()).values_list("name", flat=True))
    return {"name": found.user.name, "phone": found.user.phone, "email": found.user.email, "groups": groups}
