"""Which remote record a decision by hand is about. What the target can be asked is asked; the rest is the person's word."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models.functions import Now

from thirdparty.connector import RemoteRecord
from thirdparty.errors import CapabilityMissing, TargetError
from thirdparty.identity import same_external_id
from users.models import UserSync
from users.sync import inquiry
from users.sync.desired import read_wanted
from users.sync.mapping import Unmappable
from users.sync.outbox.hand import BY_HAND, RemoteLink
from users.sync.verdict import TRUST


class CannotCompensate(Exception):
    """This deed does not fit this record now; the message says what to do instead."""


@dataclass(frozen=True, slots=True)
class Link(RemoteLink):
    """What the row is to say of the remote record. ``found``: what the target holds, None where it was not asked."""

    found: RemoteRecord | None = None


def of_row(row: UserSync) -> Link:
    """As it is now."""
    return Link(row.remote_id, row.remote_username, row.adopted, row.add_key)


def by_word(row: UserSync, remote_id: str) -> Link:
    """The record that a person says is this user's. Raises `CannotCompensate` where the target shows otherwise."""
    if not remote_id:
        raise CannotCompensate("Give the id that the record has at the target.")
    try:
        found = _asked(row, remote_id)
    except CapabilityMissing:
        _require_no_open_add(row)
        return Link(remote_id, row.remote_username, BY_HAND, None)
    if found is None:
        raise CannotCompensate("The target holds no such record.")
    return _linked(row, found)


def by_look_up(row: UserSync) -> Link:
    """The record that the target holds under one of our keys. Raises `CannotCompensate` where there is none, or no asking."""
    try:
        found = _asked(row)
    except CapabilityMissing:
        raise CannotCompensate("The target cannot be asked what it holds.") from None
    if found is None:
        raise CannotCompensate("The target holds no such record.")
    return _linked(row, found)


def for_settling(row: UserSync, remote_id: str) -> Link:
    """The link under which nothing is owed any more. Raises `CannotCompensate` where something would be left behind.

    A record that is wanted has to have an id, or nobody could ever change or delete it; one that is not must be gone.
    """
    if not _is_wanted(row):
        return _gone(row, remote_id)
    if remote_id and remote_id != row.remote_id:
        return by_word(row, remote_id)
    if row.remote_id is not None:
        return of_row(row)
    try:
        found = _asked(row)
    except CapabilityMissing:
        raise CannotCompensate(
            "Nobody could delete it later: give the id that the record has at the target."
        ) from None
    if found is None:
        raise CannotCompensate("The target holds no record of this user, so nothing is settled. Retry, or overwrite.")
    if not _is_ours(row, found):
        raise CannotCompensate(
            f"Record {found.remote_id} at the target has this username, but not this user's id. "
            "If it is theirs all the same, give its id."
        )
    return _linked(row, found)


def _gone(row: UserSync, remote_id: str) -> Link:
    if remote_id:
        raise CannotCompensate("No record of this user is wanted. To have that one deleted, adopt it.")
    nothing = Link(None, row.remote_username, row.adopted, row.add_key)
    if row.adopted == TRUST or not row.may_exist:
        return nothing  # that one is not ours to delete; and what was never sent is nowhere
    try:
        found = _asked(row)
    except CapabilityMissing:
        return nothing
    if found is not None and (_is_ours(row, found) or _is_linked(row, found)):
        raise CannotCompensate(f"The target still holds record {found.remote_id}. Retry, or delete it there first.")
    return nothing


def _linked(row: UserSync, found: RemoteRecord) -> Link:
    """Raises `CannotCompensate` for somebody else's record, and for a second one of this user."""
    others = found.user.external_id
    if others and not _is_ours(row, found):
        raise CannotCompensate(f"That remote record belongs to another user: it carries the id {others}.")
    if not _is_ours(row, found) and not _is_linked(row, found):
        _require_no_open_add(row)
        _require_no_other(row, found)
    adopted = row.adopted if _is_linked(row, found) else BY_HAND
    return Link(found.remote_id, found.user.username, adopted, None, found)


def _require_no_other(row: UserSync, found: RemoteRecord) -> None:
    other = _asked(row)
    if other is not None and other.remote_id != found.remote_id and (_is_ours(row, other) or _is_linked(row, other)):
        raise CannotCompensate(
            f"Record {other.remote_id} at the target is this user's already, and would be left behind: delete it there first."
        )


def _require_no_open_add(row: UserSync) -> None:
    """An add that is yet to land would make a second record, which nobody would look for."""
    if UserSync.objects.filter(key=row.key, add_key__isnull=False, recheck_at__gt=Now()).exists():
        raise CannotCompensate(
            f"An unanswered add may still take effect until {row.recheck_at:%H:%M:%S} UTC, and make a second record. "
            "Decide after that."
        )


def _asked(row: UserSync, remote_id: str = "") -> RemoteRecord | None:
    """What the target holds. Raises `CapabilityMissing` where it cannot be queried, else `CannotCompensate`."""
    try:
        return inquiry.held(row, remote_id=remote_id)
    except inquiry.NotAsked as why:
        raise CannotCompensate(f"The target was not asked what it holds: {why}.") from None
    except CapabilityMissing:
        raise
    except TargetError as error:
        raise CannotCompensate(f"The target did not say what it holds ({error}). Try again later.") from None


def _is_wanted(row: UserSync) -> bool:
    try:
        return read_wanted(row.user_uuid, row.target, row.remote_username) is not None
    except Unmappable:
        return True


def _is_ours(row: UserSync, found: RemoteRecord) -> bool:
    return same_external_id(found.user.external_id, str(row.user_uuid))


def _is_linked(row: UserSync, found: RemoteRecord) -> bool:
    return found.remote_id == row.remote_id and not found.user.external_id
