"""How a strict write can end without its change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

NOT_ASKED = "not_asked"


class Underway(Exception):
    """The object is in a strict write: write again when that one is over."""

    def __init__(self, retry_after_seconds: float) -> None:
        super().__init__("another write to this user is waiting for the targets")
        self.retry_after_seconds = retry_after_seconds


class ChangedMeanwhile(Exception):
    """Things are not as the targets were asked for, or the time was over: read, then write again."""


class WithinTransaction(RuntimeError):
    """The caller has a transaction open, so nothing could be committed before the targets are asked: end it first."""

    def __init__(self) -> None:
        super().__init__(
            "A write that waits for the targets cannot be made inside a transaction (ATOMIC_REQUESTS, atomic(), no "
            "autocommit): were that rolled back, the targets would keep what is not here."
        )


class TargetsDiffer(Exception):
    """This process and the database do not name the same targets, so not all could be asked: an operator's matter.

    ``unknown``: enabled in the database, not configured here. ``not_enabled``: the other way round.
    """

    def __init__(self, *, unknown: Sequence[str], not_enabled: Sequence[str]) -> None:
        parts = [f"this process does not know target {name}" for name in unknown]
        parts += [f"target {name} is configured but not in use" for name in not_enabled]
        super().__init__(f"{' and '.join(parts)}: not every target can be asked")
        self.unknown = tuple(unknown)
        self.not_enabled = tuple(not_enabled)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one target said, or why it was not asked. ``reason`` and ``message`` hold no personal details."""

    target: str
    accepted: bool
    reason: str = ""
    message: str = ""


class NotAccepted(Exception):
    """Not every target accepted, so nothing was written here: change the write, or try it later.

    ``asked``: False where no target was asked at all, so that there is nothing to undo.
    ``passes``: what stood against it may be over in a moment.
    """

    def __init__(self, verdicts: Sequence[Verdict], *, asked: bool = True, passes: bool = False) -> None:
        super().__init__(", ".join(f"{v.target}: {v.reason or 'accepted'}" for v in verdicts))
        self.verdicts = tuple(verdicts)
        self.asked = asked
        self.passes = passes
