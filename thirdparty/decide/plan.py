"""What to ask of the target next, for one claimed record. Pure.

One lease makes at most one write request, so a plan is one call; what follows is the next lease's.
"""

from __future__ import annotations

from enum import StrEnum

from thirdparty.connectors.base import Capabilities, RemoteObject
from thirdparty.decide.lease import Lease
from thirdparty.decide.ownership import TRUST


class Call(StrEnum):
    """The one thing a lease does. ``CONFIRM``, ``RECHECK`` and ``VERIFY`` only read; the last three need no request."""

    ADD = "add"
    UPDATE = "update"
    DELETE = "delete"
    CONFIRM = "confirm"
    VERIFY = "verify"
    RECHECK = "recheck"
    WAIT = "wait"
    UNLINK = "unlink"
    NOTHING = "nothing"

    @property
    def writes(self) -> bool:
        return self in (Call.ADD, Call.UPDATE, Call.DELETE)

    @property
    def reads(self) -> bool:
        return self in (Call.CONFIRM, Call.VERIFY, Call.RECHECK)


def next_call(lease: Lease, wanted: RemoteObject | None, offers: Capabilities, *, key_is_fresh: bool) -> Call:
    """The next call towards ``wanted`` (None: no record at all).

    ``key_is_fresh``: the target still honours the idempotency key of the unanswered add.
    """
    if lease.window_over:
        return Call.RECHECK
    if wanted is None and lease.in_doubt and not offers.query:
        # An add that lands after the delete could not be found again: let the window pass first.
        return Call.WAIT
    if lease.add_key is not None:
        if offers.query and not (offers.idempotency and key_is_fresh):
            return Call.VERIFY
        # Sending the add again is the only way left to learn the record's id, also for its deletion.
        return Call.ADD
    if wanted is None and lease.remote_id is not None and lease.adopted == TRUST:
        return Call.UNLINK
    if lease.look_first and offers.query:
        return Call.CONFIRM
    if wanted is None:
        return Call.NOTHING if lease.remote_id is None else Call.DELETE
    return Call.ADD if lease.remote_id is None else Call.UPDATE
