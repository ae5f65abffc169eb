"""What the demo shows: a live table in a terminal, plain lines everywhere else."""

from __future__ import annotations

import time
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from rich.bar import Bar
from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.table import Table

from syncproject.demo.comparison import Comparison

_COLOURS = {
    "pending": "yellow",
    "in_flight": "cyan",
    "unknown": "magenta",
    "synced": "green",
    "parked": "red",
    "held": "red",
}
_PLAIN_EVERY_SECONDS = 1.0
_EXAMPLES = 10


class Screen:
    """Tells and shows. As a context manager it keeps the table of states below the text."""

    def __init__(self) -> None:
        self.console = Console(highlight=False, soft_wrap=True)
        self._live = Live(console=self.console, transient=True, refresh_per_second=8)
        self._began = time.monotonic()
        self._shown: Mapping[str, int] = {}
        self._shown_at = 0.0

    def __enter__(self) -> Self:
        if self.console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._live.stop()

    def chapter(self, title: str) -> None:
        """Begin the next part of the story."""
        self.console.print(f"\n[bold]{title}[/bold]")

    def say(self, text: str) -> None:
        """One line of it, under the time since the beginning."""
        self.console.print(f"[dim]{time.monotonic() - self._began:6.1f} s[/dim]  {escape(text)}")

    def states(self, counts: Mapping[str, int]) -> None:
        """The numbers of records in each state, as they are now."""
        if self.console.is_terminal:
            self._live.update(_table(counts))
        elif counts != self._shown and time.monotonic() - self._shown_at > _PLAIN_EVERY_SECONDS:
            self.say("  ".join(f"{state} {counts[state]}" for state in counts if state in _COLOURS))
            self._shown, self._shown_at = dict(counts), time.monotonic()

    def result(self, found: Comparison) -> None:
        """The comparison of both sides, and examples of what is wrong."""
        table = Table("what", "records", title="The application against the third party")
        wrong = {
            "lost": found.lost,
            "doubled": found.doubled,
            "differing": [f"{name} ({', '.join(fields)})" for name, fields in found.differing.items()],
            "left over": found.left_over,
        }
        table.add_row("local", str(found.local))
        table.add_row("remote", str(found.remote))
        for what, names in wrong.items():
            table.add_row(what, f"[{'red' if names else 'green'}]{len(names)}[/]")
        self.console.print()
        self.console.print(table)
        for what, names in wrong.items():
            for name in names[:_EXAMPLES]:
                self.console.print(f"{what}: {escape(name)}")

    def places(self, where: Mapping[str, str]) -> None:
        """Where to look on."""
        table = Table.grid(padding=(0, 2))
        for name, place in where.items():
            table.add_row(f"[bold]{name}[/bold]", escape(place))
        self.console.print("\nEverything keeps running until Ctrl-C:\n")
        self.console.print(table)

    def fail(self, why: str) -> None:
        """The end, when it is not the one that was meant."""
        self.console.print(f"\n[red]The demo failed.[/red] {escape(why)}")


def _table(counts: Mapping[str, int]) -> Table:
    table = Table.grid(padding=(0, 2))
    total = max(1, sum(counts[state] for state in _COLOURS))
    for state, colour in _COLOURS.items():
        table.add_row(state, Bar(total, 0, counts[state], width=50, color=colour), str(counts[state]))
    return table
