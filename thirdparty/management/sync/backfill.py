"""``sync backfill``: push every record of a target again, behind everything that people wait for."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError
from rich.console import Console

from thirdparty.capture import backfill
from thirdparty.capture.versions import VersionsDiffer
from thirdparty.management.sync.argument import target_named
from thirdparty.notify import hints


def add_to(actions: Any) -> None:
    parser = actions.add_parser("backfill", help="owe every record of a target again")
    parser.add_argument("--target", required=True, metavar="T", help="the target's name")
    parser.add_argument(
        "--resume",
        action="store_true",
        help="go on with one that was stopped; without, it begins with the first record",
    )
    parser.set_defaults(run=run)


def run(out: Console, options: dict[str, Any]) -> None:
    """Raises `CommandError` for a target that is not configured, and where the database has other declarations."""
    target = target_named(options["target"])
    owed = 0
    try:
        with out.status(f"owing the records of {target}") as line:
            for step in backfill.steps(target, resume=options["resume"]):
                owed += step
                line.update(f"{owed} records of {target} are owed")
    except VersionsDiffer as differing:
        raise CommandError(str(differing)) from None
    out.print(f"done: {owed} records of {target} are owed; workers push them as they can")
    if held := backfill.left(target):
        out.print(f"{held} more are held by open transactions: the reconciler owes them when those have ended")
    hints.start_reconcile()
