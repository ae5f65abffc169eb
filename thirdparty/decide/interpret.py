"""What an answer of the target means for the record. Pure: answer in, `StepResult` out."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from functools import wraps
from typing import Any

from thirdparty.connectors import errors
from thirdparty.connectors.base import Payload, RemoteRecord, fields_of
from thirdparty.connectors.identity import same_external_id
from thirdparty.decide import ownership
from thirdparty.decide.compare import Comparable, differences, match
from thirdparty.decide.failures import Failures
from thirdparty.decide.ownership import MATCH, NEVER, TRUST, known_as
from thirdparty.decide.plan import Call
from thirdparty.decide.result import IDENTITY_CONFLICT, Doubt, Next, StepResult


def _either_way(judge: Callable[..., StepResult]) -> Callable[..., StepResult]:
    """Make the settlement for the other case, too, where the record found might be ours or another object's.

    An id given out again leads one object's update to another's record, which has the external id of the one from then
    on and the natural key of the other. Which they are, only the database knows.
    """

    @wraps(judge)
    def judged(self: Interpreter, *about: Any) -> StepResult:
        result, found = judge(self, *about), about[-1]
        if found is None or self.ours is not None or not self.is_questionable(found):
            return result
        return replace(
            result,
            external_id=found.external_id,
            natural_key=found.key or "",
            found_id=found.remote_id,
            instead=judge(replace(self, ours=not self.is_ours(found)), *about),
        )

    return judged


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpreter(Failures):
    """Judges the answers to one call of one lease.

    ``adopt``: the target's policy for records that were there before (PROTOCOL 7). ``match_on``: the fields of the payload
    that have to agree, with ``match``. ``comparable``: the connector's. ``hashed``: what the row keeps of a payload
    (`thirdparty.decide.sent`). ``given``: the fields that the target is known to have been sent. ``ours``: whose the record
    found is, where that is given. ``renames``: an update may give the record another natural key.
    """

    adopt: str
    match_on: tuple[str, ...]
    comparable: Comparable
    hashed: Callable[[Payload], str | None] = lambda _: None
    given: Callable[[], Collection[str]] = tuple
    ours: bool | None = None
    renames: bool = False

    # -- what the target answered ---------------------------------------------------------

    def added(self, remote_id: str) -> StepResult:
        if self.lease.add_key is not None:
            # A repeated add may be answered for its first sending: the content is older, and the id may be another's by now.
            return self.linked(remote_id, look_first=self.can_query)
        return self._settle(
            acknowledged=True, remote_id=remote_id, adopted="", add_key=None, look_first=False, shown=True,
            delay_seconds=self._delay(), sent=self._sent(),
        )  # fmt: skip

    def updated(self) -> StepResult:
        return self._settle(acknowledged=True, sent=self._sent())

    def left(self) -> StepResult:
        """No record is wanted, and ours stays at the target as it is. The link is kept for whoever comes back."""
        return self._settle(acknowledged=True, stays=True)

    def deactivated(self, sent: str | None) -> StepResult:
        """The same, and it is inactive by now. ``sent``: what the row keeps of it."""
        return self._settle(acknowledged=True, stays=True, sent=sent)

    def unlinked(self) -> StepResult:
        """No record is wanted, and none of ours is known to be there.

        One that was only taken on trust stays at the target, which is remembered, lest it look like ours later; and is looked for
        as soon as one is wanted again.
        """
        stays = self.call is Call.UNLINK and self.can_query
        return self._settle(acknowledged=True, remote_id=None, add_key=None, look_first=stays)

    def linked(self, remote_id: str, found: RemoteRecord | None = None, **facts: Any) -> StepResult:
        """The record is ours, its content is not known to be what is wanted; ``found`` is what it is, where that was seen."""
        known = {"remote_id": known_as(remote_id, self.lease), "add_key": None, "look_first": False, "next": Next.NOW}
        if found is not None:
            known["sent"] = self.hashed(found.payload)
        return self._settle(found=found, **(known | {"shown": True, "delay_seconds": self._delay()} | facts))

    @_either_way
    def confirmed(self, found: RemoteRecord | None) -> StepResult:
        """Our link was in question and nothing was written; ``found`` is what its id, or else our other keys, gave."""
        if found is None or not self.is_ours(found):
            return self.vanished(None)
        level = {"acknowledged": True, "next": Next.AT_RECHECK} if self._is_level(found) else {}
        return self.linked(found.remote_id, found, **level)

    @_either_way
    def vanished(self, found: RemoteRecord | None) -> StepResult:
        """The id is unknown at the target; ``found`` is what a look-up by our other keys gave."""
        if found is not None and self.is_ours(found):
            return self.linked(found.remote_id, found)
        if self.wanted is None:
            return self.absent()
        return self._settle(remote_id=None, adopted="", add_key=None, look_first=False, next=Next.NOW)

    @_either_way
    def key_taken(self, remote_id: str | None, found: RemoteRecord | None) -> StepResult:
        """An add met a record of our natural key; ``found`` is what a look-up of it gave."""
        if found is not None and self.wanted is None and not self.is_ours(found):
            return self.absent()
        if found is not None:
            return self._adopt_found(found)
        if self.can_query:
            return self._reserved()
        if self.lease.add_key is not None and remote_id is not None and self.adopt != NEVER:
            return self.linked(remote_id)
        if self.adopt == TRUST and remote_id is not None:
            # What has our natural key at the target cannot be beside another one of ours.
            return self.linked(remote_id, adopted=TRUST)
        return self._park(
            IDENTITY_CONFLICT,
            "the natural key is taken at the target and nothing shows whose record it is",
            add_key=self.lease.add_key,
        )

    def key_refused(self, found: RemoteRecord | None) -> StepResult:
        """An update was to give the record its natural key, which another one has: nothing took effect. ``found`` is what a
        look-up of that key gave.
        """
        if found is None:
            return self._reserved()
        if self.is_ours(found):
            return self._park("already_exists", "the target says that a value of it is another record's")
        return self._park(
            IDENTITY_CONFLICT,
            "a record of its new natural key exists at the target and is not ours",
            external_id=found.external_id,
            natural_key=found.key or "",
            found_id=found.remote_id,
            delay_seconds=self._delay(),
        )

    @_either_way
    def verified(self, found: RemoteRecord | None) -> StepResult:
        """A look-up after an unanswered add, by our external id and natural key."""
        by_key_alone = found is not None and not same_external_id(found.external_id, self.lease.external_id)
        if found is not None and self.is_ours(found) and not (self.lease.in_doubt and by_key_alone):
            return self.linked(found.remote_id, found)
        if self.lease.in_doubt:
            # Not there *yet*: adding again, or adopting another, before the window is over could make two of them.
            return self.waiting()
        return self._settle(add_key=None, next=Next.NOW)

    def waiting(self) -> StepResult:
        """Nothing may be asked before the window of the unanswered request is over."""
        return self._settle(next=Next.AT_RECHECK)

    @_either_way
    def rechecked(self, found: RemoteRecord | None) -> StepResult:
        """The window of an unanswered request is over and the record was read back."""
        if found is not None and not self.is_ours(found):
            found = None
        if self.wanted is None and (found is None or self.lease.adopted == TRUST):
            return self._settle(
                acknowledged=True, remote_id=None, add_key=None, look_first=self.can_query, doubt=Doubt.CLEAR
            )
        facts: dict[str, Any] = {"add_key": None, "look_first": False, "doubt": Doubt.CLEAR}
        if found is None:
            return self._settle(remote_id=None, raise_above=0, next=Next.NOW, **facts)
        facts |= {
            "remote_id": known_as(found.remote_id, self.lease),
            "shown": True,
            "sent": self.hashed(found.payload),
        }
        if self._is_level(found):
            return self._settle(acknowledged=True, found=found, **facts)
        return self._settle(raise_above=found.version or 0, next=Next.NOW, found=found, **facts)

    def recheck_blindly(self) -> StepResult:
        """The window is over and the target cannot be queried: push once more."""
        if self.wanted is None and self.lease.remote_id is None and self.lease.add_key is None:
            return self._settle(acknowledged=True, doubt=Doubt.CLEAR)
        return self._settle(raise_above=0, doubt=Doubt.CLEAR, next=Next.NOW)

    @_either_way
    def outdated(self, found: RemoteRecord | None) -> StepResult:
        """The target holds a version above ours: go above it, unless it is somebody else's record by now."""
        if found is not None and not self.is_ours(found) and not self.lease.adopted:
            return self._settle(remote_id=None, look_first=True, next=Next.NOW)
        known = found.version if found is not None else None
        above = known if known is not None else self.lease.generation + 2 ** min(self.lease.failed_tries, 40)
        facts: dict[str, Any] = {"next": Next.NOW} if self.lease.failed_tries == 0 else {}
        if found is not None and self.is_ours(found):
            facts |= {"sent": self.hashed(found.payload), "found": found}
        return self._later(
            errors.Transient("stale", "the target holds a newer version; pushing again above it"),
            raise_above=above,
            **facts,
        )

    # -- whose record is it ---------------------------------------------------------------

    def is_ours(self, found: RemoteRecord) -> bool:
        """As `thirdparty.decide.ownership`, where it is not given."""
        return ownership.is_ours(found, self.lease) if self.ours is None else self.ours

    def is_whole(self, found: RemoteRecord) -> bool:
        """It is ours, and has our natural key."""
        return self.is_ours(found) and ownership.has_our_key(found, self.lease)

    def is_questionable(self, found: RemoteRecord) -> bool:
        """As `thirdparty.decide.ownership`."""
        return ownership.is_questionable(found, self.lease)

    def _adopt_found(self, found: RemoteRecord) -> StepResult:
        if self.is_ours(found):
            return self.linked(found.remote_id, found)
        if self.adopt == TRUST:
            return self.linked(found.remote_id, found, adopted=TRUST, shown=False)
        matched = None
        if self.adopt == MATCH and self._matches(found):
            matched = self.linked(found.remote_id, found, adopted=MATCH, shown=False)
        if matched is not None and not found.external_id:
            return matched
        return self._park(
            IDENTITY_CONFLICT,
            "a record of this natural key exists at the target and is not ours",
            external_id=found.external_id,
            natural_key=found.key or "",
            found_id=found.remote_id,
            instead=self.linked(found.remote_id, found) if found.external_id else None,
            let_go=matched,
            delay_seconds=self._delay(),
        )

    def _is_level(self, found: RemoteRecord) -> bool:
        """It bears our external id, and our natural key where we could change it, and shows all that is wanted: nothing is left to write.

        Of what the connector's `comparable` leaves out nobody sees whether it has come.
        """
        if self.wanted is None or not same_external_id(found.external_id, self.lease.external_id):
            return False
        if self.renames and not ownership.has_the_later_key(found, self.lease):
            return False
        payload = self.wanted.payload
        if not fields_of(payload).keys() <= self.comparable(payload).keys():
            return False
        return not differences(payload, found.payload, self.comparable, self.given())

    def _matches(self, found: RemoteRecord) -> bool:
        return self.wanted is not None and match(self.wanted.payload, found.payload, self.comparable, self.match_on)

    def _sent(self) -> str | None:
        return self.hashed(self.wanted.payload) if self.wanted is not None else None
