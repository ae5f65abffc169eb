"""``sync preview``: what would be sent to a target if all of it went now. Nothing is written."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError
from rich.console import Console

from thirdparty.decide.sample import WHOLE_PERCENT
from thirdparty.declaration.registry import declared_for
from thirdparty.management.sync import action, argument, terminal
from thirdparty.management.sync.action import Answer
from thirdparty.management.sync.progress import progress
from thirdparty.observe.preview import Preview, preview


def add_to(actions: Any) -> None:
    parser = action.add(
        actions,
        "preview",
        run=run,
        does="what would be sent to a target now, by the declarations of this code; nothing is written",
        example="--target partner --sample 1%",
    )
    parser.add_argument("--target", required=True, metavar="T", help="the target's name")
    parser.add_argument("--kind", default="", metavar="KIND", help="objects of this kind alone")
    parser.add_argument(
        "--sample", type=argument.percent, default=WHOLE_PERCENT, metavar="1%", help="look at so many of a hundred"
    )
    parser.add_argument("--ask", action="store_true", help="ask the target what it holds, at the allowed rate")


def run(_: Console, options: dict[str, Any]) -> Answer[Preview]:
    """Raises `CommandError` for a target or kind that there is not."""
    target, kind = argument.target_named(options["target"]), options["kind"]
    kinds = [declaration.kind for declaration in declared_for(target)]
    if kind and kind not in kinds:
        raise CommandError(f"nothing of the kind {kind!r} is declared for {target}; use {', '.join(kinds)}")
    with progress(f"looking at {target}") as bar:
        seen = preview(
            target,
            kind=kind,
            percent=options["sample"],
            ask=options["ask"],
            progress=lambda done, total: bar.to(done, total=total),
        )
    return Answer(seen, _show, Preview.as_json)


def _show(out: Console, shown: Preview) -> None:
    of = "" if shown.share == WHOLE_PERCENT else f" ({shown.share:g} % of them)"
    out.print(f"{shown.target}: {shown.looked_at} records looked at{of}, nothing written")
    for outcome, count in shown.counts.items():
        if count:
            out.print(f"  {outcome.replace('_', ' ')}: {count}")
    if shown.fields:
        out.print("updates change " + ", ".join(f"{name} ({count})" for name, count in shown.fields.items()))
    for example in shown.examples:
        what = ", ".join(example.fields) or example.note
        out.print(
            f"  e.g. {example.outcome.replace('_', ' ')} {example.key}{f': {what}' if what else ''}", style="dim"
        )
    out.print(terminal.calls(shown.calls, shown.rate_per_second, shown.seconds))
    if shown.brake:
        out.print(f"the brake would stop it: {shown.brake}", style="yellow")
