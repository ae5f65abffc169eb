"""How far something long has come, how fast it goes, and how long it will take yet. On stderr: stdout has the answer alone."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.text import Text

_LINE_EVERY_SECONDS = 5.0
"""Where no terminal shows it, it is a line from time to time: logs are read later, and cron mails what it is told."""


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text("" if task.speed is None else f"{task.speed:.3g}/s")


class Progress:
    """Of one piece of work. See `progress`."""

    def __init__(self, what: str, total: int | None, unit: str, clock: Callable[[], float]) -> None:
        self._console = Console(file=sys.stderr, markup=False, highlight=False, emoji=False)
        columns = (
            TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TextColumn(unit), _Rate(),
            TimeRemainingColumn(), TextColumn("{task.fields[note]}", markup=False),
        )  # fmt: skip
        is_seen = self._console.is_terminal
        self.bar = Bar(*columns, console=self._console, transient=True, disable=not is_seen, get_time=clock)
        self._task = self.bar.add_task(what, total=total, note="")
        self._unit = unit
        self._clock = clock
        self._next_line = None if is_seen else clock() + _LINE_EVERY_SECONDS
        self._told: tuple[int, str] | None = None

    def to(self, done: int, *, total: int | None = None, note: str = "") -> None:
        """So much is done by now. ``total``: where that is known better than it was."""
        self.bar.update(self._task, completed=done, total=total, note=note)
        moves = self._told != (done, note)
        if moves and self._next_line is not None and self._clock() >= self._next_line:
            self._console.print(self._line(), soft_wrap=True)
            self._next_line, self._told = self._clock() + _LINE_EVERY_SECONDS, (done, note)

    def _line(self) -> str:
        task = self.bar.tasks[0]
        of = "" if task.total is None else f" of {task.total:.0f}"
        rate = "" if task.speed is None else f", {task.speed:.3g} a second"
        left = "" if not task.time_remaining else f", {timedelta(seconds=round(task.time_remaining))} left"
        note = f"; {task.fields['note']}" if task.fields["note"] else ""
        return f"{task.description}: {task.completed:.0f}{of} {self._unit}{rate}{left}{note}"


@contextmanager
def progress(
    what: str, *, total: int | None = None, unit: str = "records", clock: Callable[[], float] = time.monotonic
) -> Iterator[Progress]:
    """Show on a terminal a bar with the rate and the time left; elsewhere a line with the same, every few seconds at most, while it moves."""
    shown = Progress(what, total, unit, clock)
    with shown.bar:
        yield shown
