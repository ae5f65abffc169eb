"""``sync reconcile``: one tick of the reconciler, without waiting for beat."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError
from django.db import connection
from rich.console import Console

from thirdparty.capture import triggers
from thirdparty.management.sync import action
from thirdparty.management.sync.action import Answer
from thirdparty.notify.broker import publisher
from thirdparty.tasks import run_reconcile


def add_to(actions: Any) -> None:
    action.add(actions, "reconcile", run=run, does="wake whatever is due or has waited for too long", example="--json")


def run(_: Console, __: dict[str, Any]) -> Answer[dict[str, Any]]:
    """Fails where the broker takes nothing. Raises `CommandError` where triggers are missing."""
    connection.ensure_connection()  # one line where it is away: a tick goes on, and logs each of its parts that fails
    try:
        triggers.require_in_place()
    except triggers.TriggersMissing as problem:
        raise CommandError(str(problem)) from None
    woken = run_reconcile()
    failure = "the broker does not answer: what was not woken stays due" if publisher().down else ""
    return Answer({"woken": woken}, lambda out, done: out.print(f"woke {done['woken']} drains"), failure=failure)
