"""``sync push``: bring one object level here and now, in this process."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError
from rich.console import Console

from thirdparty import store, targets
from thirdparty.management.sync import argument, terminal
from thirdparty.models import Record
from thirdparty.models.record import State
from thirdparty.notify import hints
from thirdparty.observe.explain import Explanation, explain
from thirdparty.run.push import push

MOST_STEPS = 10


def add_to(actions: Any) -> None:
    parser = actions.add_parser("push", help="push one object to every target, here and now")
    parser.add_argument("object", metavar="OBJECT", help=argument.OBJECT)
    parser.set_defaults(run=run)


def run(out: Console, options: dict[str, Any]) -> None:
    """Raises `CommandError`, saying what stands in the way, unless the object ends level everywhere."""
    ref = argument.object_named(options["object"])
    rows = Record.objects.filter(kind=ref.kind, object_id=ref.object_id, target__in=targets.names()).order_by("target")
    store.look_now([row.key for row in rows])
    for row in rows:
        _steps(out, row)
    behind = []
    for explanation in explain(ref):
        out.print(f"{explanation.target}: ", terminal.coloured(explanation.state), sep="")
        if explanation.state not in (State.SYNCED, State.DELETED):
            behind.append(_obstacle(explanation))
    if behind:
        raise CommandError("; ".join(behind))


def _steps(out: Console, row: Record) -> None:
    for _ in range(MOST_STEPS):
        pushed = push(row.target, row.key)
        if pushed is None:
            return
        result = pushed.settlement
        said = f" ({result.reason}: {result.message})" if result.failed else ""
        out.print(f"{row.target}: step ended {result.outcome}{said}")
        if pushed.row is not None:
            hints.heir(pushed.row)
        if not pushed.again:
            return


def _obstacle(explanation: Explanation) -> str:
    reasons = ", ".join(explanation.blocked_by) or explanation.last_error or "not finished"
    return f"{explanation.target} is {explanation.state}: {reasons}"
