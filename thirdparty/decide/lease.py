"""What a worker holds while it works on one record: the row as it was when claimed; and on which terms."""

from __future__ import annotations

import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Terms:
    """How long leases last, and the window of a write that an earlier one left unanswered.

    ``delete_after_seconds``: how long what has left stays, where it is deleted then.
    ``one_by_one``: each record is claimed by itself, and one whose natural key another has taken is skipped.
    """

    lease_seconds: float
    visibility_seconds: float
    delete_after_seconds: float | None = None
    one_by_one: bool = False


@dataclass(frozen=True, slots=True)
class Lease:
    """A claimed row. ``generation`` was read before the object, so what is pushed is at least that new.

    ``window_over``: an unanswered request's window has passed and the record has to be read back.
    ``look_first``: the remote id may be somebody else's by now. ``no_progress``: so many steps of this generation were
    answered and brought the record no nearer.
    ``sent``: as the row keeps it (`thirdparty.decide.sent`).
    ``stays``: its object has left, it has stayed at the target, and neither a backfill nor an audit has it brought to the
    policy of now; ``days_over``: it has stayed for as long as it was to stay.
    ``former_key``: the natural key that the record had before ``natural_key``, which an update is to give it, or an unanswered one
    may have given it; empty where it has one alone.
    ``replaces``: the object is wanted under another natural key than the record's, which goes before one is added under it.
    ``released``: a person has let the brake's hold on this generation go.
    ``expires``: on this process's monotonic clock, taken before the claim was asked for, so never
    later than the database's own ``leased_until``.
    """

    key: str
    target: str
    kind: str
    object_id: str
    external_id: str
    token: str
    expires: float
    generation: int
    deleted: bool
    remote_id: str | None
    natural_key: str
    adopted: str
    add_key: str | None
    in_doubt: bool
    window_over: bool
    failed_tries: int
    crashes: int
    look_first: bool
    no_progress: int
    sent: str | None = None
    released: bool = False
    stays: bool = False
    days_over: bool = False
    replaces: bool = False
    former_key: str = ""

    def lasts(self, seconds: float) -> bool:
        """Whether a call of at most so many seconds ends before the lease does."""
        return time.monotonic() + seconds < self.expires
