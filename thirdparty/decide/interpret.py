"""What an answer of the target means for the record. Pure: answer in, `StepResult` out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import wraps
from typing import Any

from thirdparty.connectors import errors
from thirdparty.connectors.base import Payload, RemoteObject, RemoteRecord
from thirdparty.connectors.identity import same_external_id, same_remote_id
from thirdparty.decide.backoff import Backoff
from thirdparty.decide.brake import HELD_BY_BRAKE, Change
from thirdparty.decide.compare import Comparable, differences, match
from thirdparty.decide.lease import Lease
from thirdparty.decide.plan import Call
from thirdparty.decide.progress import HONEST_STEPS, NO_PROGRESS_LIMIT
from thirdparty.decide.result import IDENTITY_CONFLICT, Doubt, Next, Outcome, StepResult

TRUST = "trust"
MATCH = "match"
NEVER = "never"
NO_PROGRESS = "no_progress"
KEY_RESERVED = "key_reserved"
CRASHED = "crashed"
BLOCKED = "blocked"
REFERENCE_CYCLE = "reference_cycle"
BLOCKED_LOOK_SECONDS = 300.0
"""A record that waits for another is woken when it may go on; so often it is looked at all the same."""
CRASH_LIMIT = 10
"""So many steps in a row that died half-way park a record: it may be what kills its workers."""
WORKER_DIED = "the worker died or was frozen"


def still_named(holder: str) -> str:
    """Why a deletion waits."""
    return f"{holder} still names it at the target, and goes first"


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
            natural_key=found.key,
            found_id=found.remote_id,
            instead=judge(replace(self, ours=not self.is_ours(found)), *about),
        )

    return judged


@dataclass(frozen=True, slots=True)
class Interpreter:
    """Judges the answers to one call of one lease.

    ``wanted``: what the target is to hold, None for no record. ``adopt``: the target's policy for
    records that were there before (PROTOCOL 7). ``match_on``: the fields of the payload that have to agree, with
    ``match``. ``comparable``: the connector's. ``hashed``: what the row keeps of a payload (`thirdparty.decide.sent`). ``can_query``: the target is said to offer a look-up. ``random``: 0 to 1,
    for jitter. ``ours``: whose the record found is, where that is given.
    """

    lease: Lease
    call: Call
    wanted: RemoteObject | None
    add_key: str | None
    adopt: str
    match_on: tuple[str, ...]
    comparable: Comparable
    can_query: bool
    backoff: Backoff
    random: Callable[[], float]
    hashed: Callable[[Payload], str | None] = lambda _: None
    ours: bool | None = None

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

    def absent(self) -> StepResult:
        """No record of ours is wanted and none is there.

        A restore may bring it back: whoever is wanted again is looked for before a second one is added.
        """
        return self._settle(acknowledged=True, remote_id=None, adopted="", add_key=None, look_first=self.can_query)

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
        known = {"remote_id": self._known_as(remote_id), "add_key": None, "look_first": False, "next": Next.NOW}
        if found is not None:
            known["sent"] = self.hashed(found.payload)
        return self._settle(**(known | {"shown": True, "delay_seconds": self._delay()} | facts))

    @_either_way
    def confirmed(self, found: RemoteRecord | None) -> StepResult:
        """Our link was in question and nothing was written; ``found`` is what its id, or else our other keys, gave."""
        if found is None or not self.is_ours(found):
            return self.vanished(None)
        pushed = same_external_id(found.external_id, self.lease.external_id)
        level = {"acknowledged": True, "next": Next.AT_RECHECK} if pushed and self._holds_what_is_wanted(found) else {}
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
        facts |= {"remote_id": self._known_as(found.remote_id), "shown": True, "sent": self.hashed(found.payload)}
        if self._holds_what_is_wanted(found):
            return self._settle(**facts)
        return self._settle(raise_above=found.version or 0, next=Next.NOW, **facts)

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
            facts["sent"] = self.hashed(found.payload)
        return self._later(
            errors.Transient("stale", "the target holds a newer version; pushing again above it"),
            raise_above=above,
            **facts,
        )

    def blocked(self, message: str, *, waits_for: str = "", held_by: str = "", circle: bool = False) -> StepResult:
        """The target is not asked before another record has come, or gone: woken then, and looked at now and then.

        In a ``circle`` none comes before somebody takes a reference out: the record is parked until then.
        """
        if circle:
            return self._park(REFERENCE_CYCLE, f"{message}; and that one waits for this", waits_for=waits_for)
        return self._settle(
            outcome=Outcome.TRANSIENT, next=Next.LATER, delay_seconds=BLOCKED_LOOK_SECONDS, spends_try=False,
            waits_for=waits_for, held_by=held_by, reason=BLOCKED, message=message,
        )  # fmt: skip

    def held(self, change: Change) -> StepResult:
        """The brake is on, and the target was not asked: nothing of the record's own is at fault."""
        return self._settle(
            outcome=Outcome.TRANSIENT, next=Next.LATER, spends_try=False, parked=HELD_BY_BRAKE, reason=HELD_BY_BRAKE,
            message=f"the brake is on, and this would {change.would}",
        )  # fmt: skip

    def deferred(self, reason: str, message: str) -> StepResult:
        """The target was not asked after all, for no fault of the record."""
        return self._settle(outcome=Outcome.TRANSIENT, next=Next.NOW, spends_try=False, reason=reason, message=message)

    # -- what went wrong ------------------------------------------------------------------

    def failed(self, error: errors.TargetError) -> StepResult:
        if isinstance(error, errors.OutcomeUnknown):
            return self._later(
                error,
                outcome=Outcome.UNKNOWN,
                doubt=Doubt.OPEN,
                add_key=self.add_key,
                look_first=self._looks_after_all,
            )
        if isinstance(error, errors.Rejected):
            return self._park(error.reason, error.message, http_status=error.http_status)
        # Whatever else it is, nothing took effect; the doubt of an earlier add stays.
        return self._later(error)

    def unmappable(self, reason: str, message: str) -> StepResult:
        return self._park(reason, message)

    def crashed(self, kind: str, *, sent: bool) -> StepResult:
        """Our own code failed, or its worker. ``sent``: a write request of this step may have reached the target."""
        doubt = Doubt.OPEN if sent else Doubt.KEEP
        if self.lease.crashes + 1 >= CRASH_LIMIT:
            return self._park(
                CRASHED,
                f"{kind}: {CRASH_LIMIT} steps in a row broke off in our own code, or with their worker",
                outcome=Outcome.CRASHED,
                doubt=doubt,
            )
        return self._later(
            errors.Transient(CRASHED, f"{kind} in our own code"),
            outcome=Outcome.CRASHED,
            doubt=doubt,
            add_key=self.add_key if sent else self.lease.add_key,
            look_first=self._looks_after_all if sent else self.lease.look_first,
        )

    # -- whose record is it (PROTOCOL 7) --------------------------------------------------

    def is_ours(self, found: RemoteRecord) -> bool:
        """Its external id is ours; or it has none yet, and we adopted it.

        Every add and update of ours carries ours, so that whatever has none was never added by us.
        """
        if self.ours is not None:
            return self.ours
        if found.external_id:
            return same_external_id(found.external_id, self.lease.external_id)
        return bool(self.lease.adopted) and found.remote_id == self.lease.remote_id

    def is_whole(self, found: RemoteRecord) -> bool:
        """It is ours, and has our natural key."""
        return self.is_ours(found) and self._has_our_key(found)

    def is_questionable(self, found: RemoteRecord) -> bool:
        """Its external id is ours and its natural key is not, or the other way round for one that we may have added."""
        if same_external_id(found.external_id, self.lease.external_id):
            return not self._has_our_key(found)
        added = self.lease.add_key is not None or found.remote_id == self.lease.remote_id
        return bool(found.external_id) and added and self._has_our_key(found)

    def _has_our_key(self, found: RemoteRecord) -> bool:
        return found.key.casefold() == self.lease.natural_key.casefold()

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
            natural_key=found.key,
            found_id=found.remote_id,
            instead=self.linked(found.remote_id, found) if found.external_id else None,
            let_go=matched,
            delay_seconds=self._delay(),
        )

    def _holds_what_is_wanted(self, found: RemoteRecord) -> bool:
        return self.wanted is not None and not differences(self.wanted.payload, found.payload, self.comparable)

    def _matches(self, found: RemoteRecord) -> bool:
        return self.wanted is not None and match(self.wanted.payload, found.payload, self.comparable, self.match_on)

    def _sent(self) -> str | None:
        return self.hashed(self.wanted.payload) if self.wanted is not None else None

    @property
    def _looks_after_all(self) -> bool:
        """Whether to look before the next write: a delete that took effect unheard has freed the id for others."""
        return self.lease.look_first or (self.call is Call.DELETE and self.can_query)

    def _known_as(self, remote_id: str) -> str:
        """The id by which we have spoken of the record, where the target now writes it in another way."""
        known = self.lease.remote_id
        return known if known is not None and same_remote_id(known, remote_id) else remote_id

    # -- settlements ----------------------------------------------------------------------

    def _settle(self, **facts: Any) -> StepResult:
        lease = self.lease
        known = {
            "outcome": Outcome.OK,
            "remote_id": lease.remote_id,
            "adopted": lease.adopted,
            "add_key": lease.add_key,
            # What is known of one remote record says nothing of another.
            "sent": lease.sent if facts.get("remote_id", lease.remote_id) == lease.remote_id else None,
            "look_first": lease.look_first,
            "no_progress": lease.no_progress,
            "stays": None if self.wanted is None else False,
        }
        result = self._still_linked(StepResult(**(known | facts)))
        if result.doubt is Doubt.CLEAR:
            return replace(result, no_progress=0)
        waits = result.next is Next.AT_RECHECK and lease.in_doubt
        if result.failed or result.acknowledged or waits:
            return result
        return self._counted(result)

    def _still_linked(self, result: StepResult) -> StepResult:
        """While an unanswered request may land under our remote id, we keep that id: whoever is given it meanwhile meets us."""
        lease = self.lease
        changed = lease.remote_id not in (None, result.remote_id)
        if not (changed and lease.in_doubt and self.can_query) or result.doubt is Doubt.CLEAR:
            return result
        return replace(
            result,
            remote_id=lease.remote_id,
            adopted=lease.adopted,
            sent=lease.sent,
            look_first=True,
            shown=False,
            next=Next.AT_RECHECK,
        )

    def _counted(self, result: StepResult) -> StepResult:
        """What was answered well and left the record no nearer is a failed try, once there are too many of them."""
        result = replace(result, no_progress=self.lease.no_progress + 1)
        if result.no_progress <= HONEST_STEPS:
            return result
        message = f"{result.no_progress} steps were answered and the record is no nearer: the target's answers contradict each other"
        if result.no_progress < NO_PROGRESS_LIMIT:
            later = errors.Transient(NO_PROGRESS, message)
            return replace(
                result, outcome=Outcome.TRANSIENT, next=Next.LATER, delay_seconds=self._delay(later),
                reason=later.reason, message=later.message,
            )  # fmt: skip
        if self.wanted is None and self.call is Call.DELETE:
            # Its look-ups show what neither update nor delete knows: it is as absent as can be.
            return self.absent()
        return replace(
            result, outcome=Outcome.REJECTED, next=Next.AT_RECHECK, parked=NO_PROGRESS, reason=NO_PROGRESS,
            message=message,
        )  # fmt: skip

    def _reserved(self) -> StepResult:
        """The natural key is taken, and the look-up finds no record that has it."""
        tries = self.lease.no_progress + 1
        if tries >= NO_PROGRESS_LIMIT and self.wanted is None:
            return self.absent()
        message = "the natural key is taken at the target, and its look-up finds no record that has it"
        if tries >= NO_PROGRESS_LIMIT:
            advice = "free it there (a record that was deleted may keep it), or adopt the record by its id"
            return self._park(KEY_RESERVED, f"{message}: {advice}", no_progress=tries)
        return self._later(errors.Transient("already_exists", message), no_progress=tries)

    def _park(self, reason: str, message: str, **facts: Any) -> StepResult:
        return self._settle(**({"outcome": Outcome.REJECTED} | facts), parked=reason, reason=reason, message=message)

    def _later(self, error: errors.TargetError, **facts: Any) -> StepResult:
        return self._settle(
            **({"outcome": Outcome.TRANSIENT, "next": Next.LATER} | facts),
            delay_seconds=self._delay(error),
            reason=error.reason,
            message=error.message,
            http_status=error.http_status,
        )

    def _delay(self, error: errors.TargetError | None = None) -> float:
        wish = error.retry_after_seconds if isinstance(error, errors.Transient) else None
        return self.backoff.delay(self.lease.failed_tries + 1, self.random, at_least=wish)
