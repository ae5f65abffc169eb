"""A figure beside its baseline and its goal."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Figure:
    """``ours`` and ``baseline`` in ``unit``; the goal is for ``ours / baseline``, at least or at most."""

    what: str
    against: str
    unit: str
    ours: float
    baseline: float
    at_least: float | None = None
    at_most: float | None = None
    note: str = ""

    @property
    def ratio(self) -> float:
        return self.ours / self.baseline if self.baseline else float("inf")

    @property
    def met(self) -> bool | None:
        """None where there is no goal."""
        if self.at_least is not None:
            return self.ratio >= self.at_least
        if self.at_most is not None:
            return self.ratio <= self.at_most
        return None

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"ratio": round(self.ratio, 4), "met": self.met}


def medians(rounds: int, measures: Mapping[str, Callable[[], float]], told: Callable[[str], None]) -> dict[str, float]:
    """Let these take turns so many times; the median of each. Alternating, so that a slow minute harms all alike."""
    measured: dict[str, list[float]] = {name: [] for name in measures}
    for number in range(rounds):
        names = list(measures) if number % 2 == 0 else list(reversed(measures))
        for name in names:
            measured[name].append(measures[name]())
            told(f"{name}: {measured[name][-1]:.6g}")
    return {name: statistics.median(values) for name, values in measured.items()}


def show(figures: Sequence[Figure], out: Console) -> None:
    table = Table(box=SIMPLE_HEAD)
    for column in ("what", "against", "unit", "ours", "baseline", "ratio", "goal", ""):
        table.add_column(column, justify="right" if column in ("ours", "baseline", "ratio", "goal") else "left")
    for each in figures:
        goal = f"≥ {each.at_least:g}" if each.at_least is not None else ""
        goal = f"≤ {each.at_most:g}" if each.at_most is not None else goal
        met = {True: "met", False: "[red]missed[/red]", None: ""}[each.met]
        numbers = (f"{each.ours:,.4g}", f"{each.baseline:,.4g}", f"{each.ratio:.2f}")
        table.add_row(each.what, each.against, each.unit, *numbers, goal, met)
    out.print(table)
