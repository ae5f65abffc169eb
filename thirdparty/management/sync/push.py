"""``sync push``: bring one object level here and now, in this process."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.core.management.base import CommandError
from rich.console import Console

from thirdparty import store, targets
from thirdparty.management.sync import argument, terminal
from thirdparty.models import Record
from thirdparty.models.record import AT_REST
from thirdparty.observe.explain import Explanation, explain
from thirdparty.run.push import Pushed
from thirdparty.run.until_done import push_until_done


def add_to(actions: Any) -> None:
    parser = actions.add_parser("push", help="push one object to every target, here and now")
    parser.add_argument("object", metavar="OBJECT", help=argument.OBJECT)
    parser.set_defaults(run=run)


def run(out: Console, options: dict[str, Any]) -> None:
    """Raises `CommandError`, saying what stands in the way, unless the object ends level everywhere."""
    ref = argument.object_named(options["object"])
    rows = Record.objects.of(ref).filter(target__in=targets.names()).order_by("target")
    store.look_now([row.key for row in rows])
    for row in rows:
        push_until_done(row.target, row.key, noted=partial(_told, out, row.target))
    behind = []
    for explanation in explain(ref):
        out.print(f"{explanation.target}: ", terminal.coloured(explanation.state), sep="")
        if explanation.state not in AT_REST:
            behind.append(_obstacle(explanation))
    if behind:
        raise CommandError("; ".join(behind))


def _told(out: Console, target: str, pushed: Pushed) -> None:
    result = pushed.settlement
    said = f" ({result.reason}: {result.message})" if result.failed else ""
    out.print(f"{target}: step ended {result.outcome}{said}")


def _obstacle(explanation: Explanation) -> str:
    reasons = ", ".join(explanation.blocked_by) or explanation.last_error or "not finished"
    return f"{explanation.target} is {explanation.state}: {reasons}"
