"""A target's last hours as a drawing that needs no script: what was owed, and what was tried in each minute."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from thirdparty.models import Sample
from thirdparty.run.samples import MINUTE

WIDTH, HEIGHT = 360, 60
SHOWN = timedelta(hours=3)


@dataclass(frozen=True, slots=True)
class Chart:
    """``owed``: the points of a line, a text for each run of minutes without a gap. ``bars``: x, y, height and class of each.

    ``most_owed``, ``most_tried``: what the height stands for.
    """

    owed: list[str]
    bars: list[tuple[float, float, float, str]]
    most_owed: int
    most_tried: int
    minutes: int
    width: int = WIDTH
    height: int = HEIGHT


def charts(names: Iterable[str], now: datetime) -> dict[str, Chart]:
    """One for each of these targets of which there are samples: one query for all."""
    samples: dict[str, list[Sample]] = {name: [] for name in names}
    for sample in Sample.objects.filter(target__in=samples, at__gt=now - SHOWN).order_by("at"):
        samples[sample.target].append(sample)
    return {name: _chart(theirs, now) for name, theirs in samples.items() if theirs}


def _chart(samples: Sequence[Sample], now: datetime) -> Chart:
    most_owed = max(sample.owed + sample.parked for sample in samples)
    most_tried = max(sample.ok + sample.failed for sample in samples)
    lines: list[list[str]] = []
    bars = []
    last: datetime | None = None
    for sample in samples:
        x = round(WIDTH * (1 - (now - sample.at) / SHOWN), 1)
        if last is None or sample.at - last > 2 * MINUTE:
            lines.append([])
        last = sample.at
        lines[-1].append(f"{x},{_y(sample.owed + sample.parked, most_owed)}")
        top = _y(sample.ok + sample.failed, most_tried)
        middle = _y(sample.failed, most_tried)
        bars += [(x, top, middle - top, "sync-ok")] if sample.ok else []
        bars += [(x, middle, HEIGHT - middle, "sync-failed")] if sample.failed else []
    minutes = round(SHOWN / MINUTE)
    return Chart([" ".join(points) for points in lines], bars, most_owed, most_tried, minutes)


def _y(value: int, most: int) -> float:
    return round(HEIGHT - 2 - (HEIGHT - 4) * value / most, 1) if most else HEIGHT - 2.0
