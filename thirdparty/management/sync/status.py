"""``sync status``: how the whole stands."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from thirdparty.management.sync import terminal
from thirdparty.models.record import State
from thirdparty.observe.figure import Figure, Kind
from thirdparty.observe.reasons import Severity, words
from thirdparty.observe.status import FIGURES, Status, status

_REASONS_SHOWN = 8
_STYLES = {Severity.ACT: "bold red", Severity.WAIT: "yellow", Severity.INFO: "dim"}


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
    for reason in report.reasons:
        if not reason.target:
            out.print(reason.sentence, style=_STYLES[reason.severity])
    for name, entry in report.targets.items():
        out.print(Text(f"{name}: ", style="bold").append(report.headlines[name], style="not bold"))
        out.print(_indented(_figures(entry)))
        told = [reason for reason in report.reasons if reason.target == name]
        for reason in told[:_REASONS_SHOWN]:
            out.print(_indented(Text(reason.sentence, style=_STYLES[reason.severity])))
        if len(told) > _REASONS_SHOWN:
            out.print(_indented(Text(f"and {len(told) - _REASONS_SHOWN} more: sync status --json", style="dim")))
    out.print("healthy" if report.healthy else "not healthy", style="green" if report.healthy else "red")


def _indented(text: Text) -> Padding:
    return Padding(text, (0, 0, 0, 2), expand=False)


def _figures(entry: dict[str, Any]) -> Text:
    shown = [figure for figure in FIGURES if figure.is_column and entry[figure.name] not in (0, None)]
    return Text(", ").join(_figure(figure, entry[figure.name]) for figure in shown) if shown else Text("no records")


def _figure(figure: Figure, value: Any) -> Text:
    if figure.kind is Kind.SECONDS:
        return Text(f"{figure.label} {words.duration(value)}")
    text = f"{value} {figure.label}"
    return terminal.coloured(figure.name, text) if figure.name in State.values else Text(text)
