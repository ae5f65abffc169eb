"""What processes of this machine hold and have used, from /proc (Linux)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def memory_mb(group: int) -> float:
    """What the processes of a group hold; shared pages count by their share."""
    total = 0.0
    for folder in _of_group(group):
        try:
            lines = (folder / "smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024
    return total


def cpu_seconds(group: int) -> float:
    """What the processes of a group, and those of them that have ended, have used."""
    return sum(_cpu_seconds(folder, ended=True) for folder in _of_group(group))


def database_cpu_seconds(name: str) -> float:
    """What those connections to a PostgreSQL database of this machine that are open now have used; 0 elsewhere."""
    total = 0.0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            title = (folder / "cmdline").read_text()
        except OSError:
            continue
        if title.startswith("postgres:") and name in title:
            total += _cpu_seconds(folder, ended=False)
    return total


def _of_group(group: int) -> Iterator[Path]:
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if int(_stat(folder)[2]) == group:
                yield folder
        except (OSError, ValueError):
            continue


def _cpu_seconds(folder: Path, *, ended: bool) -> float:
    try:
        fields = _stat(folder)
    except OSError:
        return 0.0
    return sum(int(ticks) for ticks in fields[11 : 15 if ended else 13]) / _TICKS


def _stat(folder: Path) -> list[str]:
    # The fields from the state on: the name before it may hold anything.
    return (folder / "stat").read_text().rpartition(")")[2].split()
