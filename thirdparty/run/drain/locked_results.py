"""Results that could not be written yet, since somebody holds their rows."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from thirdparty.decide.result import FinishedStep

logger = logging.getLogger(__name__)


class LockedResults:
    """They are tried again, not for ever, since a drain that waits for one row keeps a process from others.

    The lease of one that is given up runs out, and its record is looked up as after any lost answer.
    """

    def __init__(self, *, patience_seconds: float) -> None:
        self._patience_seconds = patience_seconds
        self._since: dict[str, float] = {}
        self._waiting: list[FinishedStep] = []

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def take(self) -> list[FinishedStep]:
        """Those that are to be tried again now."""
        waiting, self._waiting = self._waiting, []
        return waiting

    def keep(self, locked: Sequence[FinishedStep], now: float) -> None:
        """These, and no others, are locked by now."""
        self._since = {each.lease.token: self._since.get(each.lease.token, now) for each in locked}
        for each in locked:
            if now - self._since[each.lease.token] < self._patience_seconds:
                self._waiting.append(each)
            else:
                logger.warning("%s: its row was locked for too long; its lease runs out", each.lease.key)
