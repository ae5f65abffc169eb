"""``sync pause`` and ``sync resume``: stop sending to a target, and go on."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError
from rich.console import Console

from thirdparty.management.sync import argument
from thirdparty.permissions import OPERATOR
from thirdparty.run import pause


def add_to(actions: Any) -> None:
    pausing = actions.add_parser("pause", help="send nothing to a target; what changes meanwhile is owed, not lost")
    pausing.add_argument("target", metavar="T", help="the target's name")
    pausing.add_argument("--reason", default="", help="shown wherever somebody asks why nothing moves")
    pausing.add_argument("--by", default="", metavar="YOU", help="your account, for the target's history")
    pausing.set_defaults(run=run_pause)
    resuming = actions.add_parser("resume", help="send to a paused target again")
    resuming.add_argument("target", metavar="T", help="the target's name")
    resuming.add_argument("--reason", default="", help="for the target's history")
    resuming.add_argument("--by", default="", metavar="YOU", help="your account, for the target's history")
    resuming.set_defaults(run=run_resume)


def run_pause(out: Console, options: dict[str, Any]) -> None:
    """Raises `NotAllowed`, and `CommandError` for a target, or an account, that does not exist."""
    if not pause.pause(options["target"], reason=options["reason"], by=_account(options["by"])):
        raise CommandError(f"there is no target {options['target']!r}")
    out.print(f"{options['target']} is paused")


def run_resume(out: Console, options: dict[str, Any]) -> None:
    """Raises `NotAllowed`, and `CommandError` for a target, or an account, that does not exist."""
    if not pause.resume(options["target"], reason=options["reason"], by=_account(options["by"])):
        raise CommandError(f"there is no target {options['target']!r}")
    out.print(f"{options['target']} goes on")


def _account(name: str) -> Any:
    return argument.account_named(name) if name else OPERATOR
