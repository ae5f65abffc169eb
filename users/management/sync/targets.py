"""``sync pause`` and ``sync resume``: stop sending to a target, and go on."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError
from rich.console import Console

from thirdparty import targets
from thirdparty.run import pause
from users.models import User


def configured(name: str) -> str:
    """The name of a target, once it is sure to be configured. Raises `CommandError`."""
    if name not in targets.names():
        raise CommandError(f"there is no target {name!r}; SYNC_TARGETS names {', '.join(targets.names()) or 'none'}")
    return name


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
    """Raises `CommandError` for a target, or an account, that does not exist."""
    if not pause.pause(options["target"], reason=options["reason"], by=_account(options["by"])):
        raise CommandError(f"there is no target {options['target']!r}")
    out.print(f"{options['target']} is paused")


def run_resume(out: Console, options: dict[str, Any]) -> None:
    """Raises `CommandError` for a target, or an account, that does not exist."""
    if not pause.resume(options["target"], reason=options["reason"], by=_account(options["by"])):
        raise CommandError(f"there is no target {options['target']!r}")
    out.print(f"{options['target']} goes on")


def _account(username: str) -> User | None:
    if not username:
        return None
    account: User | None = User.objects.filter(username=username).first()
    if account is None:
        raise CommandError(f"--by {username}: there is no such account")
    return account
