"""``sync status``: how the whole stands."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.core.management.base import CommandError
from rich.console import Console
from rich.text import Text

from thirdparty.management.sync import terminal
from thirdparty.models.record import State
from thirdparty.observe.figure import Figure, Kind
from thirdparty.observe.status import FIGURES, Status, late_tick, remarks, status


def add_to(actions: Any) -> None:
    parser = actions.add_parser("status", help="records per target and state, and the oldest change still owed")
    parser.add_argument("--json", action="store_true", help="the same as JSON")
    parser.add_argument(
        "--max-age", type=float, metavar="SECONDS", help="exit 1 when something has been owed for longer"
    )
    parser.set_defaults(run=run)


def run(out: Console, options: dict[str, Any]) -> None:
    """Raises `CommandError` when ``--max-age`` is exceeded."""
    report = status()
    if options["json"]:
        terminal.print_json(out, report.as_json())
    else:
        _show(out, report)
    limit_seconds = options["max_age"]
    if limit_seconds is None:
        return
    waits = {name: entry["oldest_unsynced_seconds"] or 0.0 for name, entry in report.targets.items()}
    late = [f"{name} for {seconds:.0f} s" for name, seconds in waits.items() if seconds > limit_seconds]
    if late:
        raise CommandError(f"owed for longer than {limit_seconds:g} s: {', '.join(late)}")


def _show(out: Console, report: Status) -> None:
    columns = [figure for figure in FIGURES if figure.is_column]
    shown = terminal.table(out, "target", *(figure.label for figure in columns), "sending")
    for name, entry in report.targets.items():
        cells = [_cell(figure, entry[figure.name]) for figure in columns]
        shown.add_row(name, *cells, "paused" if entry["paused"] else f"breaker {entry['breaker']}")
    out.print(shown)
    for name, entry in report.targets.items():
        for remark in remarks(entry):
            out.print(f"{name}: {remark}", style="yellow")
    for sentence in report.declarations:
        out.print(sentence, style="yellow")
    if alarm := late_tick(report.reconciler):
        out.print(alarm, style="bold red")
    if report.triggers_missing:
        absent = ", ".join(report.triggers_missing)
        out.print(f"TRIGGERS MISSING ({absent}): changes go unrecorded; run manage.py migrate", style="bold red")
    out.print("healthy" if report.healthy else "not healthy", style="green" if report.healthy else "red")


def _cell(figure: Figure, value: Any) -> str | Text:
    if figure.kind is Kind.SECONDS:
        return "-" if value is None else str(timedelta(seconds=round(value)))
    return terminal.coloured(figure.name, value) if value and figure.name in State.values else str(value)
