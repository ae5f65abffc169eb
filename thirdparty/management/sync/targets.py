"""``sync pause`` and ``sync resume``: stop sending to a target, and go on."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError
from rich.console import Console

from thirdparty.management.sync import action, argument
from thirdparty.management.sync.action import Answer
from thirdparty.run import pause


def add_to(actions: Any) -> None:
    pausing = action.add(
        actions,
        "pause",
        run=run_pause,
        does="send nothing to a target; what changes meanwhile is owed, not lost",
        example='partner --by ada --reason "they move house until noon"',
    )
    pausing.add_argument("target", metavar="T", help="the target's name")
    pausing.add_argument("--reason", default="", help="shown wherever somebody asks why nothing moves")
    pausing.add_argument("--by", default="", metavar="YOU", help="your account, for the target's history")
    resuming = action.add(
        actions,
        "resume",
        run=run_resume,
        does="send to a paused target again",
        example='partner --by ada --reason "they are back"',
    )
    resuming.add_argument("target", metavar="T", help="the target's name")
    resuming.add_argument("--reason", default="", help="for the target's history")
    resuming.add_argument("--by", default="", metavar="YOU", help="your account, for the target's history")


def run_pause(_: Console, options: dict[str, Any]) -> Answer[dict[str, Any]]:
    """Raises `NotAllowed`, and `CommandError` for a target, or an account, that does not exist."""
    if not pause.pause(options["target"], reason=options["reason"], by=argument.acting(options)):
        raise CommandError(f"there is no target {options['target']!r}")
    return Answer({"target": options["target"], "paused": True}, _show)


def run_resume(_: Console, options: dict[str, Any]) -> Answer[dict[str, Any]]:
    """Raises `NotAllowed`, and `CommandError` for a target, or an account, that does not exist."""
    if not pause.resume(options["target"], reason=options["reason"], by=argument.acting(options)):
        raise CommandError(f"there is no target {options['target']!r}")
    return Answer({"target": options["target"], "paused": False}, _show)


def _show(out: Console, standing: dict[str, Any]) -> None:
    out.print(f"{standing['target']} {'is paused' if standing['paused'] else 'goes on'}")
