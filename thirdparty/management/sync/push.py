"""``sync push``: bring one object level here and now, in this process."""

from __future__ import annotations

from typing import Any

from rich.console import Console

from thirdparty import permissions, store, targets
from thirdparty.management.sync import action, argument, terminal
from thirdparty.management.sync.action import Answer
from thirdparty.models import Record
from thirdparty.models.record import AT_REST
from thirdparty.observe.explain import Explanation, explain
from thirdparty.permissions import Right
from thirdparty.run.push import Pushed
from thirdparty.run.until_done import push_until_done


def add_to(actions: Any) -> None:
    parser = action.add(
        actions, "push", run=run, does="push one object to every target, here and now", example="users.user:42"
    )
    parser.add_argument("object", metavar="OBJECT", help=argument.OBJECT)
    parser.add_argument("--by", default="", metavar="YOU", help="your account, which then has to be allowed to")


def run(_: Console, options: dict[str, Any]) -> Answer[list[dict[str, Any]]]:
    """Fails, saying what stands in the way, unless the object ends level everywhere. Raises `NotAllowed`, and `CommandError` for one that there is not."""
    ref = argument.object_named(options["object"])
    permissions.require(argument.acting(options), Right.DECIDE)
    rows = Record.objects.of(ref).filter(target__in=targets.names()).order_by("target")
    store.look_now([row.key for row in rows])
    steps: dict[str, list[Pushed]] = {row.target: [] for row in rows}
    for row in rows:
        push_until_done(row.target, row.key, noted=steps[row.target].append)
    explanations = explain(ref)
    behind = [_obstacle(each) for each in explanations if each.state not in AT_REST]
    done = [
        {"target": each.target, "state": each.state, "steps": list(map(_step, steps.get(each.target, [])))}
        for each in explanations
    ]
    return Answer(done, _show, failure="; ".join(behind))


def _step(pushed: Pushed) -> dict[str, str]:
    result = pushed.settlement
    why = {"reason": result.reason, "message": result.message} if result.failed else {"reason": "", "message": ""}
    return {"outcome": result.outcome, **why}


def _show(out: Console, done: list[dict[str, Any]]) -> None:
    for each in done:
        for step in each["steps"]:
            said = f" ({step['reason']}: {step['message']})" if step["reason"] else ""
            out.print(f"{each['target']}: step ended {step['outcome']}{said}")
        out.print(f"{each['target']}: ", terminal.coloured(each["state"]), sep="")


def _obstacle(explanation: Explanation) -> str:
    reasons = ", ".join(explanation.blocked_by) or explanation.last_error or "not finished"
    return f"{explanation.target} is {explanation.state}: {reasons}"
