"""A strict write from its opening to its end."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from thirdparty.consistency.strict import applying, asking, taking_back
from thirdparty.consistency.strict.durations import patience_seconds
from thirdparty.consistency.strict.errors import NotAccepted, Verdict
from thirdparty.consistency.strict.opening import Opened


def carry_out(opened: Opened, write: Callable[[], Any], kept: Callable[[], Any]) -> None:
    """Ask every target; all accept → ``write`` is called in the transaction that ends the strict write.

    ``kept``: called there, too, once the records say that the targets have it.
    Raises `NotAccepted` or `ChangedMeanwhile` once everything is taken back (what a target took
    is undone by ordinary convergence, which is owed from then on).
    """
    strict_write, names = opened.strict_write, opened.targets
    deadline = time.monotonic() + patience_seconds()
    try:
        verdicts, accepted = asking.ask_all(strict_write, names, deadline)
        _require_accepted(verdicts)
        applying.apply(strict_write, accepted, write, kept)
    except BaseException:
        taking_back.take_back(strict_write)
        raise


def _require_accepted(verdicts: Sequence[Verdict]) -> None:
    if not all(verdict.accepted for verdict in verdicts):
        raise NotAccepted(verdicts)
