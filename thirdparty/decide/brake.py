"""What the brake counts, and when it stops. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from thirdparty.decide import sent
from thirdparty.decide.plan import Call
from thirdparty.decide.sent import Hashes

DAY = timedelta(days=1)
LIMITS_A_DAY = 2
"""A slow bleed: so many times what may go in the window may go in a day."""


HELD_BY_BRAKE = "brake"
"""Parked: only a person lets it go."""


class Change(StrEnum):
    """What takes something away from the target, the worst first."""

    DELETE = "delete"
    DEACTIVATE = "deactivate"
    EMPTY = "empty"
    REWRITE = "rewrite"

    @property
    def would(self) -> str:
        """What it would do, as the end of a sentence."""
        return _WOULD[self]


_WOULD = {
    Change.DELETE: "delete the record",
    Change.DEACTIVATE: "deactivate the record",
    Change.EMPTY: "empty a field that holds something",
    Change.REWRITE: "rewrite more than half of the record's fields",
}


def change_of(call: Call, *, known: Hashes | None, wanted: Hashes | None, inactive: Hashes) -> Change | None:
    """Which of them this call makes; None for all that takes nothing away.

    ``known``: what the target holds, None where that is not known: then no rewrite is told from an ordinary update.
    ``inactive``: the hashes of a deactivated record's fields; empty where the target knows no such thing.
    """
    if call is Call.DELETE:
        return Change.DELETE
    if call is Call.DEACTIVATE:
        return None if known is not None and _holds(known, inactive) else Change.DEACTIVATE
    if call is not Call.UPDATE or wanted is None:
        return None
    if _holds(wanted, inactive) and not (known is not None and _holds(known, inactive)):
        return Change.DEACTIVATE
    if known is None:
        return None
    if sent.emptied(known, wanted):
        return Change.EMPTY
    return Change.REWRITE if sent.rewrites(known, wanted) else None


def _holds(these: Hashes, inactive: Hashes) -> bool:
    return bool(inactive) and all(these.get(name) == value for name, value in inactive.items())


@dataclass(frozen=True, slots=True)
class Policy:
    """``least`` and ``percent`` of what the target holds, whichever is more, may go in ``window_seconds``."""

    least: int
    percent: float
    window_seconds: float

    def limit(self, holds: int) -> int:
        """How many records may lose something in the window, of a target that holds so many."""
        return max(self.least, int(holds * self.percent / 100))


@dataclass(frozen=True, slots=True)
class Counted:
    """Distinct records: let through in the window, let through in a day, and whose deletion is owed and has not begun."""

    in_window: int
    in_day: int
    owed: int


@dataclass(frozen=True, slots=True)
class Fresh:
    """Distinct records that are to go now, and do not count yet: in the window, in the day."""

    in_window: int
    in_day: int


def obstacle(counted: Counted, now: Fresh, *, limit: int, holds: int, policy: Policy) -> str:
    """Why the records that are to go ``now`` may not, in words; empty where they may."""
    if now.in_window == 0:
        return ""
    if counted.in_window + now.in_window + counted.owed > limit:
        gone, fresh, within = counted.in_window, now.in_window, _duration(policy.window_seconds)
    elif counted.in_day + now.in_day + counted.owed > LIMITS_A_DAY * limit:
        gone, fresh, within, limit = counted.in_day, now.in_day, "a day", LIMITS_A_DAY * limit
    else:
        return ""
    return (
        f"{gone + fresh + counted.owed} of the {holds} records that the target holds would lose something within {within}, "
        f"and {limit} may (already: {gone}, now: {fresh}, deletions owed besides: {counted.owed})"
    )


def words(counts: Mapping[str, int]) -> str:
    """How many of each change, for people."""
    return ", ".join(f"{count} {change}" for change, count in counts.items() if count) or "none"


def _duration(seconds: float) -> str:
    for unit, size in (("hour", 3600), ("minute", 60)):
        if seconds >= size and seconds % size == 0:
            count = round(seconds / size)
            return f"{count} {unit}" if count == 1 else f"{count} {unit}s"
    return f"{seconds:g} seconds"
