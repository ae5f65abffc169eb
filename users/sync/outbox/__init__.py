"""Every state change of records: claim, attempt, settle, owe. Each is one conditional statement over *some* records.

A batch of one is the same statement. Losing a race is a normal return value (absent from the
answer), never an error. Bulk statements skip rows that others hold, so they wait for nobody and
nobody deadlocks with them (PROTOCOL 13).
"""

from users.sync.outbox.attempts import ATTEMPTS, Attempt, open_attempts
from users.sync.outbox.claiming import (
    SUSPECT_CRASHES,
    claim,
    claim_due,
    is_any_claimable,
    is_claimable,
    username_holder,
)
from users.sync.outbox.clocks import bring_back
from users.sync.outbox.owing import (
    Walked,
    Why,
    bring_forward,
    look_now,
    owe_again,
    owe_left,
    owe_next,
    pardon,
    repair,
)
from users.sync.outbox.settling import Settled, settle

__all__ = [
    "ATTEMPTS",
    "SUSPECT_CRASHES",
    "Attempt",
    "Settled",
    "Walked",
    "Why",
    "bring_back",
    "bring_forward",
    "claim",
    "claim_due",
    "is_any_claimable",
    "is_claimable",
    "look_now",
    "open_attempts",
    "owe_again",
    "owe_left",
    "owe_next",
    "pardon",
    "repair",
    "settle",
    "username_holder",
]
