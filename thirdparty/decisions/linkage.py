"""Which remote record a decision by hand is about. What the target can be asked is asked; the rest is the person's word."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from django.db.models.functions import Now

from thirdparty.connectors.base import RemoteRecord
from thirdparty.connectors.errors import CapabilityMissing, TargetError
from thirdparty.connectors.identity import same_external_id
from thirdparty.decide.ownership import TRUST
from thirdparty.declaration import of_kind
from thirdparty.models import Record
from thirdparty.observe import inquiry
from thirdparty.observe.moments import time_of_day
from thirdparty.run import payloads
from thirdparty.store.manual import BY_HAND, RemoteLink


class CannotCompensate(Exception):
    """This deed does not fit this record now; the message says what to do instead."""


@dataclass(frozen=True, slots=True)
class Link(RemoteLink):
    """What the row is to say of the remote record. ``found``: what the target holds, None where it was not asked."""

    found: RemoteRecord | None = None


class Linkage:
    """What may be linked to this row: asked of the target first, decided in a transaction later.

    Each raises `CannotCompensate` where it would leave a record behind, take somebody else's, or cannot be told.
    """

    def __init__(self, row: Record) -> None:
        self.row = row

    def of_row(self) -> Link:
        """As it is now."""
        row = self.row
        known = row.remote_id is not None
        return Link(row.remote_id, row.natural_key, row.adopted, row.add_key, look_first=known)

    def by_word(self, remote_id: str) -> Link:
        """The record that a person says is this object's, unless the target shows otherwise."""
        if not remote_id:
            raise CannotCompensate("Give the id that the record has at the target.")
        try:
            found = self.asked(remote_id)
        except CapabilityMissing:
            self._require_no_open_add()
            return Link(remote_id, self.row.natural_key, BY_HAND, None, look_first=True)
        if found is None:
            raise CannotCompensate("The target holds no such record.")
        return self._linked(found)

    def by_look_up(self) -> Link:
        """The record that the target holds under one of our keys."""
        try:
            found = self.asked()
        except CapabilityMissing:
            raise CannotCompensate("The target cannot be asked what it holds.") from None
        if found is None:
            raise CannotCompensate("The target holds no such record.")
        return self._linked(found)

    def for_settling(self, remote_id: str) -> Link:
        """The link under which nothing is owed any more.

        A record that is wanted has to have an id, or nobody could ever change or delete it; one that is not must be gone.
        """
        if not self.is_wanted():
            return self._gone(remote_id)
        if remote_id and remote_id != self.row.remote_id:
            return self.by_word(remote_id)
        try:
            found = self.asked()
        except CapabilityMissing:
            if self.row.remote_id is not None:
                return self.of_row()
            raise CannotCompensate(
                "Nobody could delete it later: give the id that the record has at the target."
            ) from None
        if found is None:
            raise CannotCompensate(
                "The target holds no record of this object, so nothing is settled. Retry, or overwrite."
            )
        if not self._is_ours(found):
            raise CannotCompensate(
                f"Record {found.remote_id} at the target has this natural key, but not this object's id. "
                "If it is the object's all the same, give its id."
            )
        return self._linked(found)

    # -- what is not known from the row ---------------------------------------------------

    def asked(self, remote_id: str = "") -> RemoteRecord | None:
        """What the target holds. Raises `CapabilityMissing` where it cannot be queried, else `CannotCompensate`."""
        try:
            return inquiry.held(self.row, remote_id=remote_id)
        except inquiry.NotAsked as why:
            raise CannotCompensate(f"The target was not asked what it holds: {why}.") from None
        except CapabilityMissing:
            raise
        except TargetError as error:
            raise CannotCompensate(f"The target did not say what it holds ({error}). Try again later.") from None

    def is_wanted(self) -> bool:
        """Whether the target is to hold a record."""
        row = self.row
        desired = payloads.prepared(row.key, partial(payloads.read_wanted, row.ref, row.target, row.natural_key))
        return desired.obj is not None or desired.obstacle is not None

    def add_may_land(self) -> bool:
        """Whether an add was not answered and may still take effect."""
        return Record.objects.filter(key=self.row.key, add_key__isnull=False, unknown_until__gt=Now()).exists()

    # -- whose record is it ---------------------------------------------------------------

    def _gone(self, remote_id: str) -> Link:
        row = self.row
        if remote_id:
            raise CannotCompensate("No record of this object is wanted. To have that one deleted, adopt it.")
        # While a request may still land under the id, it is kept: it is asked for again after the window.
        kept = row.remote_id if row.unknown_until is not None else None
        nothing = Link(kept, row.natural_key, row.adopted, row.add_key, look_first=kept is not None)
        if row.adopted == TRUST or not row.may_exist:
            return nothing  # that one is not ours to delete; and what was never sent is nowhere
        try:
            found = self.asked()
        except CapabilityMissing:
            return nothing
        if found is not None and (self._is_ours(found) or self._is_linked(found)):
            raise CannotCompensate(
                f"The target still holds record {found.remote_id}. Retry, or delete it there first."
            )
        return nothing

    def _linked(self, found: RemoteRecord) -> Link:
        """Not somebody else's record, nor a second one of this object."""
        others = found.external_id
        if others and not self._is_ours(found):
            raise CannotCompensate(f"That remote record belongs to another object: it carries the id {others}.")
        if not self._is_ours(found) and not self._is_linked(found):
            self._require_no_open_add()
            self._require_no_other(found)
        adopted = self.row.adopted if self._is_ours(found) or self._is_linked(found) else BY_HAND
        return Link(
            found.remote_id,
            self.row.natural_key if found.key is None else found.key,
            adopted,
            None,
            look_first=False,
            found=found,
        )

    def _require_no_other(self, found: RemoteRecord) -> None:
        other = self.asked()
        if other is None or other.remote_id == found.remote_id:
            return
        if self._is_ours(other) or self._is_linked(other):
            raise CannotCompensate(
                f"Record {other.remote_id} at the target is this object's already, and would be left behind: delete it there first."
            )

    def _require_no_open_add(self) -> None:
        """An add that is yet to land would make a second record, which nobody would look for."""
        if self.add_may_land():
            raise CannotCompensate(
                f"An unanswered add may still take effect until {time_of_day(self.row.unknown_until)}, and make a second record. "
                "Decide after that."
            )

    def _is_ours(self, found: RemoteRecord) -> bool:
        return same_external_id(found.external_id, of_kind(self.row.kind).external_id(self.row.object_id))

    def _is_linked(self, found: RemoteRecord) -> bool:
        # What we added carries our id: without one, it is ours only if we adopted it (PROTOCOL 7).
        adopted = bool(self.row.adopted) and not found.external_id
        return adopted and found.remote_id == self.row.remote_id
