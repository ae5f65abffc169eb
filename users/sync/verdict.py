"""What an answer of the target means for the record. Pure: answer in, `Settlement` out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from thirdparty import errors
from thirdparty.connector import RemoteRecord, RemoteUser
from users.sync.lease import Lease
from users.sync.plan import Call
from users.sync.retry import Backoff
from users.sync.settlement import Doubt, Next, Outcome, Settlement

TRUST = "trust"
IDENTITY_CONFLICT = "identity_conflict"
CRASHED = "crashed"
CRASH_LIMIT = 10
"""So many steps in a row that died half-way park a record: it may be what kills its workers."""


@dataclass(frozen=True, slots=True)
class Judge:
    """Judges the answers to one call of one lease.

    ``wanted``: what the target is to hold, None for no record. ``adopt``: the target's policy for
    records that were there before (PROTOCOL 7). ``random``: 0 to 1, for jitter.
    """

    lease: Lease
    call: Call
    wanted: RemoteUser | None
    add_key: str | None
    adopt: str
    can_query: bool
    backoff: Backoff
    random: Callable[[], float]

    # -- what the target answered ---------------------------------------------------------

    def added(self, remote_id: str) -> Settlement:
        if self.lease.add_key is not None:
            # A repeated add may be answered for its first sending, whose content is older.
            return self.linked(remote_id)
        return self._settle(acknowledged=True, remote_id=remote_id, adopted="", add_key=None)

    def updated(self) -> Settlement:
        return self._settle(acknowledged=True)

    def absent(self) -> Settlement:
        """No record of ours is wanted and none is there."""
        return self._settle(acknowledged=True, remote_id=None, adopted="", add_key=None)

    def unlinked(self) -> Settlement:
        """No record is wanted, and none of ours is known to be there.

        One that was only taken on trust stays at the target, which is remembered, lest it look like ours later.
        """
        return self._settle(acknowledged=True, remote_id=None, add_key=None)

    def linked(self, remote_id: str, *, adopted: str | None = None) -> Settlement:
        """The record is ours, its content is not known to be."""
        reason = self.lease.adopted if adopted is None else adopted
        return self._settle(remote_id=remote_id, adopted=reason, add_key=None, next=Next.NOW)

    def vanished(self, found: RemoteRecord | None) -> Settlement:
        """The id is unknown at the target; ``found`` is what a look-up by our other keys gave."""
        if found is not None and self.is_ours(found):
            return self.linked(found.remote_id)
        if self.wanted is None:
            return self.absent()
        return self._settle(remote_id=None, adopted="", add_key=None, next=Next.NOW)

    def username_taken(self, remote_id: str | None, found: RemoteRecord | None) -> Settlement:
        """An add met a record of our username; ``found`` is what a look-up of it gave."""
        if found is not None and self.wanted is None and not self.is_ours(found):
            return self.absent()
        if found is not None:
            return self._adopt_found(found)
        if self.can_query:
            return self._later(
                errors.TryLater("user_exists", "the username was taken a moment ago and is free now"),
                add_key=self.lease.add_key,
            )
        if self.lease.add_key is not None and remote_id is not None:
            return self.linked(remote_id)
        if self.adopt == TRUST and remote_id is not None:
            return self.linked(remote_id, adopted=TRUST)
        return self._park(
            IDENTITY_CONFLICT,
            "the username is registered at the target and nothing shows whose record it is",
            add_key=self.lease.add_key,
        )

    def verified(self, found: RemoteRecord | None) -> Settlement:
        """A look-up after an unanswered add."""
        if found is not None and (self.wanted is not None or self.is_ours(found)):
            return self._adopt_found(found)
        # Not there *yet*: adding again before the window is over could make two of them.
        return self.waiting()

    def waiting(self) -> Settlement:
        """Nothing may be asked before the window of the unanswered request is over."""
        return self._settle(next=Next.AT_RECHECK)

    def rechecked(self, found: RemoteRecord | None) -> Settlement:
        """The window of an unanswered request is over and the record was read back."""
        if found is not None and not self.is_ours(found):
            found = None
        if self.wanted is None and (found is None or self.lease.adopted == TRUST):
            return self._settle(acknowledged=True, remote_id=None, add_key=None, doubt=Doubt.CLEAR)
        if found is not None and self.wanted is not None and content(found.user) == content(self.wanted):
            return self._settle(remote_id=found.remote_id, add_key=None, doubt=Doubt.CLEAR)
        return self._settle(
            remote_id=found.remote_id if found is not None else None,
            add_key=None,
            raise_above=(found.version if found is not None else None) or 0,
            doubt=Doubt.CLEAR,
            next=Next.NOW,
        )

    def recheck_blindly(self) -> Settlement:
        """The window is over and the target cannot be queried: push once more."""
        if self.wanted is None and self.lease.remote_id is None and self.lease.add_key is None:
            return self._settle(acknowledged=True, doubt=Doubt.CLEAR)
        return self._settle(raise_above=0, doubt=Doubt.CLEAR, next=Next.NOW)

    def outdated(self, found: RemoteRecord | None) -> Settlement:
        """The target holds a version above ours: go above it."""
        known = found.version if found is not None else None
        above = known if known is not None else self.lease.generation + 2 ** min(self.lease.attempts, 40)
        once = {"next": Next.NOW} if self.lease.attempts == 0 else {}
        return self._later(
            errors.TryLater("stale", "the target holds a newer version; pushing again above it"),
            raise_above=above,
            **once,
        )

    def deferred(self, reason: str, message: str) -> Settlement:
        """The target was not asked after all, for no fault of the record."""
        return self._settle(outcome=Outcome.TRY_LATER, next=Next.NOW, spends_try=False, reason=reason, message=message)

    # -- what went wrong ------------------------------------------------------------------

    def failed(self, error: errors.TargetError) -> Settlement:
        if isinstance(error, errors.OutcomeUnknown):
            return self._later(error, outcome=Outcome.UNKNOWN, doubt=Doubt.OPEN, add_key=self.add_key)
        if isinstance(error, errors.Rejected):
            return self._park(error.reason, error.message, http_status=error.http_status)
        # Whatever else it is, nothing took effect; the doubt of an earlier add stays.
        return self._later(error)

    def unmappable(self, reason: str, message: str) -> Settlement:
        return self._park(reason, message)

    def crashed(self, kind: str, *, sent: bool) -> Settlement:
        """Our own code failed. ``sent``: a write request may have reached the target."""
        doubt = Doubt.OPEN if sent else Doubt.KEEP
        if self.lease.crashes + 1 >= CRASH_LIMIT:
            return self._park(
                CRASHED, f"{kind} in our own code, {CRASH_LIMIT} times in a row", outcome=Outcome.CRASHED, doubt=doubt
            )
        return self._later(
            errors.TryLater(CRASHED, f"{kind} in our own code"),
            outcome=Outcome.CRASHED,
            doubt=doubt,
            add_key=self.add_key if sent else self.lease.add_key,
        )

    # -- whose record is it (PROTOCOL 7) --------------------------------------------------

    def is_ours(self, found: RemoteRecord) -> bool:
        """Its ``externalId`` is ours, or it is the one we are linked to, or it answered our add."""
        if found.user.external_id:
            return found.user.external_id == str(self.lease.user_uuid)
        return found.remote_id == self.lease.remote_id or self.lease.add_key is not None

    def _adopt_found(self, found: RemoteRecord) -> Settlement:
        if self.is_ours(found):
            return self.linked(found.remote_id)
        if self.adopt == TRUST:
            return self.linked(found.remote_id, adopted=TRUST)
        phone = self.wanted.phone if self.wanted is not None else ""
        if self.adopt == "match" and not found.user.external_id and phone and found.user.phone == phone:
            return self.linked(found.remote_id, adopted="match")
        return self._park(IDENTITY_CONFLICT, "a record of this username exists at the target and is not ours")

    # -- settlements ----------------------------------------------------------------------

    def _settle(self, **facts: Any) -> Settlement:
        lease = self.lease
        known = {
            "outcome": Outcome.OK,
            "remote_id": lease.remote_id,
            "adopted": lease.adopted,
            "add_key": lease.add_key,
        }
        return Settlement(**(known | facts))

    def _park(self, reason: str, message: str, **facts: Any) -> Settlement:
        return self._settle(**({"outcome": Outcome.REJECTED} | facts), parked=reason, reason=reason, message=message)

    def _later(self, error: errors.TargetError, **facts: Any) -> Settlement:
        wish = error.retry_after_seconds if isinstance(error, errors.TryLater) else None
        return self._settle(
            **({"outcome": Outcome.TRY_LATER, "next": Next.LATER} | facts),
            delay_seconds=self.backoff.delay(self.lease.attempts + 1, self.random, at_least=wish),
            reason=error.reason,
            message=error.message,
            http_status=error.http_status,
        )


def content(user: RemoteUser) -> tuple[str, str, str, tuple[str, ...]]:
    """What an update can change: neither username nor external id."""
    return user.name, user.phone, user.email, tuple(sorted(user.role_ids))
