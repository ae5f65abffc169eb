"""One figure of the status: what it is, how it is made, and how each face shows it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from math import inf, nan
from typing import Any

from thirdparty.models import Target
from thirdparty.observe.audits import LastAudits
from thirdparty.observe.kept_totals import Totals
from thirdparty.observe.recent import Span
from thirdparty.observe.tally import Tally
from thirdparty.protect.brake import BrakeStanding


class Kind(Enum):
    """What a figure is, so that every face knows how to show it. All but counts and flags may be absent (None).

    ``COUNTS``: several numbers by name.
    """

    COUNT = auto()
    SECONDS = auto()
    RATE = auto()
    FLAG = auto()
    TEXT = auto()
    WORDS = auto()
    MOMENT = auto()
    PERCENT = auto()
    COUNTS = auto()


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read of one target. ``row``: None where the database does not know it. ``oldest``: the key of the record that has
    been owed for longest, of those that nobody has to do anything for; empty where there is none.
    """

    row: Target | None
    tallies: Sequence[Tally]
    guard: Mapping[str, Any]
    brake: BrakeStanding
    audits: LastAudits
    totals: Totals
    oldest: str
    now: datetime


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of a target.

    ``meaning``: for those who read it elsewhere than here. ``of``: makes it from what was read. What an operator has to know
    of it is a reason (`thirdparty.observe.reasons`).
    ``metric``: what Prometheus calls it, where that is not its own name. ``number``: what it is there; None for a figure
    that is no number, which has no metric. ``span``: what it is of, where that is not the moment; its name ends so.
    """

    name: str
    kind: Kind
    meaning: str
    of: Callable[[Reading], Any]
    metric: str = ""
    number: Callable[[Any], float] | None = None
    span: Span | None = None

    @property
    def label(self) -> str:
        return self.name.removesuffix("_seconds").replace("_", " ")

    @property
    def of_any_span(self) -> str:
        """The label without the span."""
        return self.label.removesuffix(f" {self.span.replace('_', ' ')}") if self.span is not None else self.label

    @property
    def is_column(self) -> bool:
        return self.kind in (Kind.COUNT, Kind.SECONDS, Kind.PERCENT)

    def measured(self, value: Any) -> float | None:
        """The value as a number; None for a figure that is none."""
        number = self.number or _NUMBERS.get(self.kind)
        return number(value) if number is not None else None


_NUMBERS: dict[Kind, Callable[[Any], float]] = {
    Kind.COUNT: float,
    Kind.FLAG: float,
    Kind.SECONDS: lambda seconds: seconds or 0.0,
    Kind.RATE: lambda rate: inf if rate is None else rate,
    Kind.PERCENT: lambda percent: nan if percent is None else percent,
}
