"""Every state change of records: claim, attempt, settle, owe. Each is one conditional statement over *some* records.

A batch of one is the same statement. Losing a race is a normal return value (absent from the
answer), never an error. Bulk statements skip rows that others hold, so they wait for nobody and
nobody deadlocks with them (PROTOCOL 13).
"""

from thirdparty.store import held, leaving, references
from thirdparty.store.attempts import OpenedAttempt, open_attempts
from thirdparty.store.claiming import (
    SUSPECT_CRASHES,
    claim,
    claim_due,
    is_any_claimable,
    is_claimable,
    is_edit_claimable,
    key_holder,
    key_to_hold,
    other_holder,
)
from thirdparty.store.clocks import bring_back
from thirdparty.store.meeting import whose
from thirdparty.store.mending import mend
from thirdparty.store.owing import Walked, Why, owe_again, owe_left, owe_next, repair
from thirdparty.store.releasing import release
from thirdparty.store.settling import Settled, settle
from thirdparty.store.tables import ATTEMPTS
from thirdparty.store.waking import bring_forward, leave_alone, look_now, unpark

__all__ = [
    "ATTEMPTS",
    "SUSPECT_CRASHES",
    "OpenedAttempt",
    "Settled",
    "Walked",
    "Why",
    "bring_back",
    "bring_forward",
    "claim",
    "claim_due",
    "held",
    "is_any_claimable",
    "is_claimable",
    "is_edit_claimable",
    "key_holder",
    "key_to_hold",
    "leave_alone",
    "leaving",
    "look_now",
    "mend",
    "open_attempts",
    "other_holder",
    "owe_again",
    "owe_left",
    "owe_next",
    "references",
    "release",
    "repair",
    "settle",
    "unpark",
    "whose",
]
