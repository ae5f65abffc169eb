"""``sync status``: how the whole stands."""

from __future__ import annotations

from argparse import ArgumentTypeError
from collections.abc import Iterator
from typing import Any

from django.core.management.base import CommandError
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from thirdparty.management.sync import action, terminal
from thirdparty.management.sync.action import Answer
from thirdparty.management.sync.watch import EVERY_SECONDS, watch
from thirdparty.models.record import State
from thirdparty.observe.figure import Figure, Kind
from thirdparty.observe.reasons import Severity, words
from thirdparty.observe.status import FIGURES, Status, status

_REASONS_SHOWN = 8
_LONGEST_SECONDS = 3_600.0
_STYLES = {Severity.ACT: "bold red", Severity.WAIT: "yellow", Severity.INFO: "dim"}


def add_to(actions: Any) -> None:
    parser = action.add(
        actions,
        "status",
        run=run,
        does="records per target and state, the oldest change still owed, and why the whole is not well; "
        "exit 0 even then, unless --check or --max-age is given. With --watch and --json, a line for each look",
        example="--check --max-age 3600",
    )
    parser.add_argument("--check", action="store_true", help="exit 1 unless all is healthy; for monitors")
    further = parser.add_mutually_exclusive_group()
    further.add_argument(
        "--max-age", type=float, metavar="SECONDS", help="exit 1 when something has been owed for longer"
    )
    further.add_argument(
        "--watch",
        type=_seconds,
        nargs="?",
        const=EVERY_SECONDS,
        metavar="SECONDS",
        help=f"look again every so many seconds ({EVERY_SECONDS:g}), until Ctrl-C",
    )


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds <= _LONGEST_SECONDS:
        raise ArgumentTypeError(f"more than 0 and at most {_LONGEST_SECONDS:g} seconds, not {text}")
    return seconds


def run(out: Console, options: dict[str, Any]) -> Answer[Status] | None:
    """Fails where ``--check`` finds that all is not healthy, or ``--max-age`` is exceeded. None after a watch."""
    as_json = options["json"]
    if options["watch"] is not None:
        if options["check"]:
            raise CommandError("argument --check: not allowed with argument --watch")
        watch(
            out,
            _json_line if as_json else lambda: _shown(status()),
            (lambda error: terminal.json_line({"error": error}))
            if as_json
            else lambda error: Text(error, style="red"),
            seconds=options["watch"],
            in_place=not as_json,
        )
        return None
    report = status()
    failures = [_overdue(report, options["max_age"])] if options["max_age"] is not None else []
    if options["check"]:
        failures.append(_unhealthy(report))
    return Answer(
        report, lambda out, report: out.print(_shown(report)), Status.as_json, "; ".join(filter(None, failures))
    )


def _overdue(report: Status, limit_seconds: float) -> str:
    waits = {name: entry["oldest_unsynced_seconds"] or 0.0 for name, entry in report.targets.items()}
    late = [f"{name} for {seconds:.0f} s" for name, seconds in waits.items() if seconds > limit_seconds]
    return f"owed for longer than {limit_seconds:g} s: {', '.join(late)}" if late else ""


def _unhealthy(report: Status) -> str:
    """Why, in the words of the first reason that somebody has to act on; empty where all is well."""
    if report.healthy:
        return ""
    first, *more = [reason.sentence for reason in report.reasons if reason.severity is Severity.ACT]
    return f"not healthy: {first}{f' (and {len(more)} more)' if more else ''}"


def _json_line() -> str:
    return terminal.json_line(status().as_json())


def _shown(report: Status) -> Group:
    return Group(*_parts(report))


def _parts(report: Status) -> Iterator[RenderableType]:
    for reason in report.reasons:
        if not reason.target:
            yield Text(reason.sentence, style=_STYLES[reason.severity])
    for name, entry in report.targets.items():
        yield Text(f"{name}: ", style="bold").append(report.headlines[name], style="not bold")
        yield _indented(_figures(entry))
        told = [reason for reason in report.reasons if reason.target == name]
        for reason in told[:_REASONS_SHOWN]:
            yield _indented(Text(reason.sentence, style=_STYLES[reason.severity]))
        if len(told) > _REASONS_SHOWN:
            yield _indented(Text(f"and {len(told) - _REASONS_SHOWN} more: sync status --json", style="dim"))
    if report.figures_age:
        yield Text(report.figures_age, style="dim")
    yield Text("healthy" if report.healthy else "not healthy", style="green" if report.healthy else "red")


def _indented(text: Text) -> Padding:
    return Padding(text, (0, 0, 0, 2), expand=False)


def _figures(entry: dict[str, Any]) -> Text:
    shown = [figure for figure in FIGURES if figure.is_column and entry[figure.name] not in (0, None)]
    return Text(", ").join(_figure(figure, entry) for figure in shown) if shown else Text("no records")


def _figure(figure: Figure, entry: dict[str, Any]) -> Text:
    value = entry[figure.name]
    if figure.kind is Kind.SECONDS:
        return Text(f"{figure.label} {words.duration(value)}")
    text = f"{value}{'+' if figure.name in entry['at_least'] else ''} {figure.label}"
    return terminal.coloured(figure.name, text) if figure.name in State.values else Text(text)
