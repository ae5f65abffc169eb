"""``sync explain``: why an object is in sync at each target, or is not."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.text import Text

from thirdparty.management.sync import action, argument, terminal
from thirdparty.management.sync.action import Answer
from thirdparty.observe.explain import Explanation, explain
from thirdparty.observe.moments import exactly


def add_to(actions: Any) -> None:
    parser = action.add(
        actions,
        "explain",
        run=run,
        does="why an object is in sync, or is not",
        example="users.user:42 --ask",
    )
    parser.add_argument("object", metavar="OBJECT", help=argument.OBJECT)
    parser.add_argument("--ask", action="store_true", help="have the targets asked what they hold, if they may be")


def run(_: Console, options: dict[str, Any]) -> Answer[list[Explanation]]:
    """Raises `CommandError` for an object that does not exist, or has no record."""
    explanations = explain(argument.object_named(options["object"]), ask_target=options["ask"])
    return Answer(explanations, _show, lambda some: [explanation.as_json() for explanation in some])


def _show(out: Console, explanations: list[Explanation]) -> None:
    for explanation in explanations:
        _show_one(out, explanation)


def _show_one(out: Console, explanation: Explanation) -> None:
    out.print(Text.assemble(f"{explanation.target}: ", terminal.coloured(explanation.state)))
    facts = terminal.table(out, "", "")
    facts.show_header = False
    for label, value in _facts(explanation):
        facts.add_row(label, value)
    out.print(facts)
    if explanation.attempts:
        tries = terminal.table(out, "started", "call", "generation", "outcome", "message")
        for attempt in explanation.attempts:
            message = ": ".join(part for part in (attempt.reason, attempt.message) if part)
            outcome = attempt.outcome or "under way"
            tries.add_row(exactly(attempt.started_at), attempt.call, str(attempt.generation), outcome, message)
        out.print(tries)
    out.print()


def _facts(explanation: Explanation) -> list[tuple[str, str]]:
    facts = []
    if explanation.wanted_note:
        facts.append(("wanted", explanation.wanted_note))
    elif explanation.wanted is None:
        facts.append(("wanted", "no record at the target"))
    else:
        facts.append(("wanted", ", ".join(f"{name} {value!r}" for name, value in explanation.wanted_fields.items())))
    facts.append(("generation", f"{explanation.generation}; acknowledged {explanation.synced_generation}"))
    facts.append(("remote id", explanation.remote_id or "-"))
    if explanation.difference is None:
        facts.append(("difference", explanation.difference_note))
    elif not explanation.difference:
        facts.append(("difference", "none: the target holds what is wanted"))
    else:
        facts += [
            ("difference", f"{item.field}: wanted {item.wanted!r}, found {item.found!r}")
            for item in explanation.difference
        ]
    if explanation.audit_note:
        facts.append(("audit", explanation.audit_note))
    facts += [("blocked by", reason) for reason in explanation.blocked_by]
    if explanation.next_try_at is not None:
        facts.append(("next try", exactly(explanation.next_try_at)))
    return facts
