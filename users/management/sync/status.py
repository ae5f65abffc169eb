"""``sync status``: how the whole stands."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.core.management.base import CommandError
from rich.console import Console

from thirdparty.capture import triggers
from thirdparty.models.record import State
from thirdparty.models.target import Standing, Target
from thirdparty.observe.status import is_left_behind, status
from users.management.sync import terminal


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
        terminal.print_json(out, report)
    else:
        _show(out, report)
    limit_seconds = options["max_age"]
    if limit_seconds is None:
        return
    waits = {name: entry["oldest_unsynced_seconds"] or 0.0 for name, entry in report["targets"].items()}
    late = [f"{name} for {seconds:.0f} s" for name, seconds in waits.items() if seconds > limit_seconds]
    if late:
        raise CommandError(f"owed for longer than {limit_seconds:g} s: {', '.join(late)}")


def late_ticks(reconciler: dict[str, Any]) -> str:
    """The alarm in words."""
    passed = timedelta(seconds=round(reconciler["seconds"]))
    return f"no tick of the reconciler for {passed}: does beat run, does a worker, and do both reach the broker?"


def _notes(entry: dict[str, Any]) -> Iterator[str]:
    """What else an operator wants to know of a target."""
    if entry["paused"]:
        yield f"paused: {entry['paused_reason'] or 'no reason given'}"
    if entry["breaker_reason"]:
        yield f"breaker {entry['breaker']}: {entry['breaker_reason']}"
    if entry["blocked_until"] is not None:
        yield f"nothing is sent until {entry['blocked_until']:%H:%M:%S} UTC"
    if entry["rate_per_second"] is not None:
        yield f"at most {entry['rate_per_second']:.3g} calls a second"
    if entry["capabilities_off"]:
        yield f"does not offer {', '.join(entry['capabilities_off'])}, though the settings say so"


def _standing(name: str) -> Iterator[str]:
    target = Target.objects.filter(name=name).first()
    if target is None or target.standing == Standing.RETIRED:
        yield "nothing is recorded for it; run manage.py migrate"
    elif target.standing == Standing.AWAY:
        yield "away: owed, not sent; restart a worker that names it, or run manage.py migrate"
    elif is_left_behind(target):
        yield f"catching up since {target.behind_since:%Y-%m-%d %H:%M:%S} UTC: is a transaction open, or no reconciler?"


def _show(out: Console, report: dict[str, Any]) -> None:
    shown = terminal.table(out, "target", *State.values, "oldest owed", "sending")
    for name, entry in report["targets"].items():
        counts = [terminal.coloured(state, entry[state]) if entry[state] else "0" for state in State.values]
        seconds = entry["oldest_unsynced_seconds"]
        oldest = str(timedelta(seconds=round(seconds))) if seconds is not None else "-"
        sending = "paused" if entry["paused"] else f"breaker {entry['breaker']}"
        shown.add_row(name, *counts, oldest, sending)
    out.print(shown)
    for name, entry in report["targets"].items():
        for note in (*_standing(name), *_notes(entry)):
            out.print(f"{name}: {note}", style="yellow")
    if report["reconciler"]["late"]:
        out.print(late_ticks(report["reconciler"]), style="bold red")
    absent = triggers.missing()
    if absent:
        out.print(
            f"TRIGGERS MISSING ({', '.join(absent)}): changes go unrecorded; run manage.py migrate", style="bold red"
        )
    out.print("healthy" if report["healthy"] else "not healthy", style="green" if report["healthy"] else "red")
