"""A strict write from its opening to its end."""

from __future__ import annotations

import time
from collections.abc import Sequence

from thirdparty.consistency.strict import applying, asking, taking_back
from thirdparty.consistency.strict.course import Course
from thirdparty.consistency.strict.durations import patience_seconds
from thirdparty.consistency.strict.errors import NotAccepted, Verdict
from thirdparty.consistency.strict.opening import Opened


def carry_out(opened: Opened, course: Course) -> None:
    """Ask every target; all accept → the change is made in the transaction that ends the strict write.

    Raises `NotAccepted` or `ChangedMeanwhile` once everything is taken back (what a target took
    is undone by ordinary convergence, which is owed from then on).
    """
    strict_write, names = opened.strict_write, opened.targets
    deadline = time.monotonic() + patience_seconds()
    try:
        verdicts, accepted = asking.ask_all(strict_write, names, deadline)
        _require_accepted(verdicts)
        applying.apply(strict_write, accepted, course)
    except BaseException:
        taking_back.take_back(strict_write)
        raise


def _require_accepted(verdicts: Sequence[Verdict]) -> None:
    if not all(verdict.accepted for verdict in verdicts):
        raise NotAccepted(verdicts)
