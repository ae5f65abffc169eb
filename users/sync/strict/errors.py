"""How a strict write can end without its change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class Underway(Exception):
    """The user is in a strict write: write again when that one is over."""

    def __init__(self, retry_after_seconds: float) -> None:
        super().__init__("another write to this user is waiting for the targets")
        self.retry_after_seconds = retry_after_seconds


class ChangedMeanwhile(Exception):
    """The user is not as the candidate was made from, or the time was over: read, then write again."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one target said. ``reason`` and ``message`` hold no personal details."""

    target: str
    accepted: bool
    reason: str = ""
    message: str = ""


class NotAccepted(Exception):
    """Not every target accepted, so nothing was written here: change the write, or try it later."""

    def __init__(self, verdicts: Sequence[Verdict]) -> None:
        super().__init__(", ".join(f"{v.target}: {v.reason or 'accepted'}" for v in verdicts))
        self.verdicts = tuple(verdicts)
