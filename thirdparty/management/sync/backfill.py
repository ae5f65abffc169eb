"""``sync backfill``: push every record of a target again, behind everything that people wait for."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError
from rich.console import Console

from thirdparty import audit_log, permissions
from thirdparty.capture import backfill
from thirdparty.capture.versions import VersionsDiffer
from thirdparty.management.sync import action
from thirdparty.management.sync.action import Answer
from thirdparty.management.sync.argument import acting, target_named
from thirdparty.management.sync.progress import progress
from thirdparty.models import Record
from thirdparty.notify import hints
from thirdparty.permissions import Right


def add_to(actions: Any) -> None:
    parser = action.add(
        actions, "backfill", run=run, does="owe every record of a target again", example="--target partner --by ada"
    )
    parser.add_argument("--target", required=True, metavar="T", help="the target's name")
    parser.add_argument(
        "--resume",
        action="store_true",
        help="go on with one that was stopped; without, it begins with the first record",
    )
    parser.add_argument("--by", default="", metavar="YOU", help="your account, which then has to be allowed to")


def run(_: Console, options: dict[str, Any]) -> Answer[dict[str, Any]]:
    """Raises `NotAllowed`, and `CommandError` for a target that is not configured, and where the database has other declarations."""
    target = target_named(options["target"])
    by = acting(options)
    permissions.require(by, Right.DECIDE)
    owed = 0
    try:
        with progress(f"owing {target}", total=Record.objects.filter(target=target).count()) as shown:
            for step in backfill.steps(target, resume=options["resume"]):
                owed += step
                shown.to(owed)
    except VersionsDiffer as differing:
        raise CommandError(str(differing)) from None
    audit_log.record_at_target(by, target, f"backfill: {owed} records are owed again")
    hints.start_reconcile()
    return Answer({"target": target, "owed": owed, "held": backfill.left(target)}, _show)


def _show(out: Console, done: dict[str, Any]) -> None:
    out.print(f"done: {done['owed']} records of {done['target']} are owed; workers push them as they can")
    if done["held"]:
        out.print(f"{done['held']} more are held by open transactions: the reconciler owes them when those have ended")
