"""Strict writes: every target accepts the candidate first, or nothing stays (PROTOCOL 14).

`readiness` looks whether all targets are open for it, `opening` keeps the candidate in a row, `asking` asks one target after the other, then `applying` makes the change
here, or `taking_back` ends it without. A process that dies in between leaves an open row that expires, and what the
targets took by then is owed already (`thirdparty.store.claim`): ordinary convergence towards the unchanged object
undoes it.
"""

from thirdparty.consistency.strict.carrying_out import carry_out
from thirdparty.consistency.strict.course import Course
from thirdparty.consistency.strict.durations import longest_seconds
from thirdparty.consistency.strict.errors import (
    ChangedMeanwhile,
    NotAccepted,
    TargetsDiffer,
    Underway,
    Verdict,
    WithinTransaction,
)
from thirdparty.consistency.strict.opening import Candidate, Opened, open_write, require_none
from thirdparty.consistency.strict.outermost import require_no_transaction
from thirdparty.consistency.strict.taking_back import sweep, take_back

__all__ = [
    "Candidate",
    "ChangedMeanwhile",
    "Course",
    "NotAccepted",
    "Opened",
    "TargetsDiffer",
    "Underway",
    "Verdict",
    "WithinTransaction",
    "carry_out",
    "longest_seconds",
    "open_write",
    "require_no_transaction",
    "require_none",
    "sweep",
    "take_back",
]
