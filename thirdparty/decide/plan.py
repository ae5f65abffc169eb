"""What to ask of the target next, for one claimed record. Pure.

One lease makes at most one write request, so a plan is one call; what follows is the next lease's.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from thirdparty.connectors.base import Capabilities, RemoteObject
from thirdparty.connectors.leaving import Leaving, OnLeave
from thirdparty.decide.lease import Lease
from thirdparty.decide.ownership import TRUST

AT_ONCE = Leaving()


class Call(StrEnum):
    """The one thing a lease does. ``CONFIRM``, ``RECHECK`` and ``VERIFY`` only read; the last four need no request."""

    ADD = "add"
    UPDATE = "update"
    DELETE = "delete"
    DEACTIVATE = "deactivate"
    CONFIRM = "confirm"
    VERIFY = "verify"
    RECHECK = "recheck"
    WAIT = "wait"
    UNLINK = "unlink"
    LEAVE = "leave"
    NOTHING = "nothing"

    @property
    def writes(self) -> bool:
        return self in (Call.ADD, Call.UPDATE, Call.DELETE, Call.DEACTIVATE)

    @property
    def reads(self) -> bool:
        return self in (Call.CONFIRM, Call.VERIFY, Call.RECHECK)


REMOVALS = (Call.DELETE, Call.DEACTIVATE)
"""What has an objective of its own, since whoever has left is to be gone soon."""

LOOKS_BEFORE_A_REMOVAL = 3
"""So many in one generation are enough, however long each removal then had to wait: a slow target would be looked at for ever."""


@dataclass(frozen=True, slots=True)
class Attempted:
    """What the log of attempts says of one record.

    ``key_is_fresh``: the target still honours the idempotency key of the unanswered add. ``looked``: the record was read so
    lately that what stands under its id is as good as known.
    """

    key_is_fresh: bool
    looked: bool


def next_call(
    lease: Lease,
    wanted: RemoteObject | None,
    offers: Capabilities,
    *,
    attempted: Attempted,
    leaving: Leaving = AT_ONCE,
) -> Call:
    """The next call towards ``wanted`` (None: its object has left, and ``leaving`` says what becomes of the record)."""
    if lease.window_over:
        return Call.RECHECK
    if wanted is None and lease.in_doubt and not offers.query:
        # An add that lands after the delete could not be found again: let the window pass first.
        return Call.WAIT
    if lease.add_key is not None:
        stays = wanted is None and _parting_of(lease, leaving) is Call.LEAVE
        return _about_unanswered_add(offers, key_is_fresh=attempted.key_is_fresh, stays=stays)
    if wanted is None and lease.remote_id is not None and lease.adopted == TRUST:
        return Call.UNLINK
    if lease.look_first and offers.query:
        return Call.CONFIRM
    if wanted is not None:
        return Call.ADD if lease.remote_id is None else Call.UPDATE
    call = removal(lease, leaving)
    looked = _looked(lease, attempted)
    # Its id may have been given out again meanwhile: nobody else's record is to be taken away.
    return Call.CONFIRM if call in REMOVALS and offers.query and not looked else call


def _looked(lease: Lease, attempted: Attempted) -> bool:
    """Whether it has been looked at for the removal that this generation wants. Of a step that broke off nobody knows."""
    known = lease.no_progress > 0 and lease.crashes == 0
    return known and (attempted.looked or lease.no_progress >= LOOKS_BEFORE_A_REMOVAL)


def removal(lease: Lease, leaving: Leaving) -> Call:
    """What it comes to, once it has been looked at: of a record that the target need not hold any more."""
    return Call.NOTHING if lease.remote_id is None else _parting_of(lease, leaving)


def _parting_of(lease: Lease, leaving: Leaving) -> Call:
    if lease.replaces:
        return parting(AT_ONCE, days_over=lease.days_over)  # no object left: it goes for the one under the new key
    # Whatever the policy says by now, but for the days: a line in the environment takes nothing away.
    if lease.stays and not (lease.days_over and leaving.delete_after_days is not None):
        return Call.LEAVE
    return parting(leaving, days_over=lease.days_over)


def _about_unanswered_add(offers: Capabilities, *, key_is_fresh: bool, stays: bool) -> Call:
    """``stays``: its object has left, and what it made stays at the target."""
    if offers.query and not (offers.idempotency and key_is_fresh):
        return Call.VERIFY
    # Sending the add again is the only way left to learn the record's id, also for its deletion. The key of what stays is
    # kept: whoever comes back learns by it which record it was.
    return Call.LEAVE if stays else Call.ADD


def parting(leaving: Leaving, *, days_over: bool) -> Call:
    """What is asked for, of a record that is the target's and ours, once its object has left (decision 0031).

    ``days_over``: it has stayed for as long as it was to stay.
    """
    if leaving.deletes(days_over=days_over):
        return Call.DELETE
    return Call.DEACTIVATE if leaving.on_leave is OnLeave.DEACTIVATE else Call.LEAVE
