"""``sync trial``: how a new version does on the sample that it is tried on; and, by a person's word, let the others follow."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError
from rich.console import Console

from thirdparty.decisions import trial
from thirdparty.decisions.trial import NothingOnTrial, Trial
from thirdparty.management.sync import argument, terminal
from thirdparty.observe.moments import exactly


def add_to(actions: Any) -> None:
    parser = actions.add_parser(
        "trial",
        help="a declaration's new version that is tried on a sample (SYNC_TRIAL_PERCENT): how it does there; "
        "--follow has the others follow",
    )
    parser.add_argument("target", metavar="T", help="the target's name")
    parser.add_argument("--follow", action="store_true", help="it is good: owe the other records")
    parser.add_argument("--by", default="", metavar="USERNAME", help="the staff account that decides, and may")
    parser.add_argument("--reason", default="", help="why; kept with the decision")
    parser.add_argument("--json", action="store_true", help="the same as JSON")
    parser.set_defaults(run=run)


def run(out: Console, options: dict[str, Any]) -> None:
    """Raises `NotAllowed`, and `CommandError` where nothing is on trial, or who and why is not said."""
    target = argument.target_named(options["target"])
    try:
        standing = trial.standing(target)
        if options["json"]:
            terminal.print_json(out, standing.as_json())
        else:
            _show(out, standing)
        if not options["follow"]:
            return
        if not options["by"] or not options["reason"]:
            raise CommandError("to decide, say who and why: --follow --by USERNAME --reason WHY")
        trial.follow(target, reason=options["reason"], by=argument.staff_named(options["by"]))
    except NothingOnTrial as why:
        raise CommandError(str(why)) from None
    if not options["json"]:
        out.print(f"the other {standing.others} records of {target} follow, in batches, behind people's edits")


def _show(out: Console, shown: Trial) -> None:
    since = exactly(shown.since) if shown.since is not None else "-"
    total = sum(shown.sample.values())
    kinds = ", ".join(f"{kind} on {percent:g} % of its records" for kind, percent in shown.kinds.items())
    out.print(f"{shown.target}: tried since {since}: the new version of {kinds}")
    still = ", still being owed" if shown.owing else ""
    states = ", ".join(f"{count} {state.replace('_', ' ')}" for state, count in sorted(shown.sample.items()))
    out.print(f"  in the sample{still}: {total}{f' ({states})' if states else ''}")
    for reason, count in shown.parked.items():
        out.print(f"    parked: {count} for {reason}", style="yellow")
    out.print(f"  the others wait: {shown.others}; an edit of one sends it by the new version")
    for kind, percent in shown.kinds.items():
        asked = f"sync audit --target {shown.target} --kind {kind} --sample {percent:g}%"
        out.print(f"to see what came of it: {asked}", style="dim")
