"""``sync reconcile``: one tick of the reconciler, without waiting for beat."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError
from rich.console import Console

from thirdparty.capture import triggers
from thirdparty.notify.broker import publisher
from thirdparty.tasks import run_reconcile


def add_to(actions: Any) -> None:
    parser = actions.add_parser("reconcile", help="wake whatever is due or has waited for too long")
    parser.set_defaults(run=run)


def run(out: Console, options: dict[str, Any]) -> None:
    """Raises `CommandError` where triggers are missing or the broker takes nothing."""
    try:
        triggers.require_in_place()
    except triggers.TriggersMissing as problem:
        raise CommandError(str(problem)) from None
    woken = run_reconcile()
    out.print(f"woke {woken} drains")
    if publisher().down:
        raise CommandError("the broker does not answer: what was not woken stays due")
