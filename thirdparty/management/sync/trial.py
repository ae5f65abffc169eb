"""``sync trial``: how a new version does on the sample that it is tried on; and, by a person's word, let the others follow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.core.management.base import CommandError
from rich.console import Console

from thirdparty.decisions import trial
from thirdparty.decisions.trial import NothingOnTrial, Trial
from thirdparty.management.sync import action, argument
from thirdparty.management.sync.action import Answer
from thirdparty.observe.moments import exactly


@dataclass(frozen=True, slots=True)
class _Outcome:
    """How the trial stood; and whether the others follow from now on."""

    standing: Trial
    follows: bool

    def as_json(self) -> dict[str, Any]:
        return {**self.standing.as_json(), "follows": self.follows}


def add_to(actions: Any) -> None:
    parser = action.add(
        actions,
        "trial",
        run=run,
        example='partner --follow --by ada --reason "looks right"',
        does="a declaration's new version that is tried on a sample (SYNC_TRIAL_PERCENT): how it does there; "
        "--follow has the others follow",
    )
    parser.add_argument("target", metavar="T", help="the target's name")
    parser.add_argument("--follow", action="store_true", help="it is good: owe the other records")
    parser.add_argument("--by", default="", metavar="USERNAME", help="the staff account that decides, and may")
    parser.add_argument("--reason", default="", help="why; kept with the decision")


def run(_: Console, options: dict[str, Any]) -> Answer[_Outcome]:
    """Fails where the others are to follow, and who and why is not said. Raises `NotAllowed`, and `CommandError` where nothing is on trial."""
    target = argument.target_named(options["target"])
    try:
        standing = trial.standing(target)
        follows = bool(options["follow"] and options["by"] and options["reason"])
        if follows:
            trial.follow(target, reason=options["reason"], by=argument.staff_named(options["by"]))
    except NothingOnTrial as why:
        raise CommandError(str(why)) from None
    unsaid = "to decide, say who and why: --follow --by USERNAME --reason WHY"
    failure = unsaid if options["follow"] and not follows else ""
    return Answer(_Outcome(standing, follows), _show, _Outcome.as_json, failure)


def _show(out: Console, outcome: _Outcome) -> None:
    shown = outcome.standing
    _show_trial(out, shown)
    if outcome.follows:
        out.print(f"the other {shown.others} records of {shown.target} follow, in batches, behind people's edits")


def _show_trial(out: Console, shown: Trial) -> None:
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
