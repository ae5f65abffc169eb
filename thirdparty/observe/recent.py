"""What came of the last hour and the last day, by marks: how much had been counted at some moments of that day.

Of the last hour there is a mark in five minutes, of the rest of the day one in an hour: forty at most, however much is done.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from thirdparty.decide.result import Outcome

_EVERY = timedelta(minutes=5)
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)


class Span(StrEnum):
    """What figures are of that are not of now. A mark is found within five minutes of an hour ago, and within an hour of a day ago."""

    HOUR = "last_hour"
    DAY = "last_day"

    @property
    def length(self) -> timedelta:
        return _HOUR if self is Span.HOUR else _DAY


@dataclass(frozen=True, slots=True)
class Mark:
    """How many had been acknowledged, how many of them in time, and how many attempts had ended how, at ``at``: seconds of the epoch."""

    at: float
    acknowledged: int
    in_time: int
    outcomes: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Recent:
    """What was acknowledged within a span, how much of it in time, and what failed, by outcome."""

    acknowledged: int
    in_time: int
    failed: Mapping[str, int]

    @property
    def percent_in_time(self) -> float | None:
        """Rounded down to a tenth, so that 100 means all; None where nothing was acknowledged."""
        return 1_000 * self.in_time // self.acknowledged / 10 if self.acknowledged else None


def mark(marks: Sequence[Mark], now: Mark) -> list[Mark]:
    """These and the one of now, if it is time for it, without those that nobody needs any more."""
    # Of the future: by a clock that has been set back.
    known = [each for each in marks if each.at <= now.at]
    if not known or now.at - known[-1].at >= _EVERY.total_seconds():
        known.append(now)
    older = [each for each in known if each.at <= now.at - _HOUR.total_seconds()]
    hourly: list[Mark] = []
    for each in older[:-1]:
        if not hourly or each.at // _HOUR.total_seconds() != hourly[-1].at // _HOUR.total_seconds():
            hourly.append(each)
    kept = hourly + older[-1:] + known[len(older) :]
    while len(kept) > 1 and kept[1].at <= now.at - _DAY.total_seconds():
        del kept[0]
    return kept


def since(marks: Sequence[Mark], now: Mark, span: timedelta) -> Recent:
    """What has come between so long before the newest mark, or the first mark, and now."""
    newest = marks[-1].at if marks else now.at
    before = [each for each in marks if each.at <= newest - span.total_seconds()][-1:] or marks[:1]
    if not before:
        return Recent(0, 0, {})
    failed = {
        outcome: more
        for outcome, count in now.outcomes.items()
        if outcome != Outcome.OK and (more := count - before[0].outcomes.get(outcome, 0)) > 0
    }
    # Counts that have begun anew since are less than before.
    acknowledged = max(now.acknowledged - before[0].acknowledged, 0)
    return Recent(acknowledged, min(max(now.in_time - before[0].in_time, 0), acknowledged), failed)
