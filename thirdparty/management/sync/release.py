"""``sync release``: what the brake of a target holds, and what a person decides about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.core.management.base import CommandError
from rich.console import Console

from thirdparty.decide.brake import Change, words
from thirdparty.decisions import brake
from thirdparty.decisions.brake import HeldRecord, NothingHeld, Plan, Selection
from thirdparty.management.sync import action, argument, terminal
from thirdparty.management.sync.action import Answer
from thirdparty.management.sync.progress import progress
from thirdparty.models import BrakeDecision
from thirdparty.observe.moments import exactly
from thirdparty.permissions import OPERATOR


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What was held; and what was decided about it, with how many wait after that, where somebody did."""

    plan: Plan
    decision: BrakeDecision | None = None
    left: Plan | None = None

    def as_json(self) -> dict[str, Any]:
        decided = None
        if self.decision is not None and self.left is not None:
            made = self.decision
            decided = {
                "who": made.who, "reason": made.reason, "rejected": made.rejected, "records": made.records,
                "counts": made.counts, "latched": self.left.standing.latched, "wait": self.left.total,
            }  # fmt: skip
        return {**self.plan.as_json(), "decided": decided}


def add_to(actions: Any) -> None:
    parser = action.add(
        actions,
        "release",
        run=run,
        example='partner --by ada --reason "last year\'s customers are to go"',
        does="let go what the brake of a target holds, or leave it as it is; --plan shows it and does nothing",
    )
    parser.add_argument("target", metavar="T", help="the target's name")
    parser.add_argument("--by", default="", metavar="USERNAME", help="the staff account that decides, and may")
    parser.add_argument("--reason", default="", help="why; kept with the decision")
    parser.add_argument(
        "--only", nargs="+", default=[], metavar="KEY", help="these records, by their keys, or objects"
    )
    parser.add_argument("--change", choices=[change.value for change in Change], help="those of this change")
    parser.add_argument("--reject", action="store_true", help="leave them as they are, here and at the target")
    parser.add_argument("--plan", action="store_true", help="show what is held, and decide nothing")


def run(_: Console, options: dict[str, Any]) -> Answer[_Outcome]:
    """Fails where a decision is asked for and who and why is not said. Raises `NotAllowed`, and `CommandError` for what stands in its way."""
    target = argument.target_named(options["target"])
    change = Change(options["change"]) if options["change"] else None
    keys = tuple(_key(target, text) for text in options["only"])
    plan = brake.plan(target, Selection(keys, change), by=OPERATOR)
    if options["plan"]:
        return Answer(_Outcome(plan), _show, _Outcome.as_json)
    if not options["by"] or not options["reason"]:
        unsaid = "to decide, say who and why: --by USERNAME --reason WHY (--plan only shows what is held)"
        return Answer(_Outcome(plan), _show, _Outcome.as_json, failure=unsaid)
    account = argument.staff_named(options["by"])
    decide, doing = (brake.reject, "leaving") if options["reject"] else (brake.release, "releasing")
    # What came since it was shown is for another time.
    selection = Selection(keys, change, until=plan.as_of) if plan.total else Selection(keys, change)
    try:
        with progress(f"{doing} what {target}'s brake holds", total=plan.total) as shown:
            decision = decide(target, by=account, reason=options["reason"], selection=selection, progress=shown.to)
    except NothingHeld as refused:
        raise CommandError(str(refused)) from None
    return Answer(_Outcome(plan, decision, brake.plan(target, by=OPERATOR)), _show, _Outcome.as_json)


def _key(target: str, text: str) -> str:
    return text if text.startswith(f"{target}:") else argument.object_named(text).key(target)


def _show(out: Console, outcome: _Outcome) -> None:
    decision, left = outcome.decision, outcome.left
    if decision is None or left is None:
        _show_plan(out, outcome.plan)
        return
    did = "rejected: they stay as they are" if decision.rejected else "released"
    out.print(f"{decision.records} records of {decision.target} are {did} ({words(decision.counts)})")
    out.print(f"the brake is on: {left.total} records wait" if left.standing.latched else "the brake is off")


def _show_plan(out: Console, plan: Plan) -> None:
    known = plan.standing
    if known.latched_at is not None:
        out.print(f"the brake of {plan.target} is on since {exactly(known.latched_at)}: {known.reason}")
    else:
        out.print(f"the brake of {plan.target} is off")
    if plan.total:
        out.print(f"{plan.total} records wait: {words(plan.counts)}")
        shown = terminal.table(out, "record", "natural key", "change", "since", "generation", "caused by")
        for record in plan.records:
            shown.add_row(*_cells(record))
        out.print(shown)
        if plan.total > len(plan.records):
            out.print(f"… and {plan.total - len(plan.records)} more")
    for decision in plan.decisions:
        did = "rejected" if decision.rejected else "released"
        out.print(
            f"{exactly(decision.at)}: {decision.records} {did} by {decision.who}: {decision.reason}",
            style="dim",
        )


def _cells(record: HeldRecord) -> list[str]:
    since = exactly(record.since) if record.since is not None else "-"
    change = record.change if record.held else f"{record.change} (owed)"
    return [record.key, record.natural_key, change, since, str(record.generation), record.caused_by or "-"]
