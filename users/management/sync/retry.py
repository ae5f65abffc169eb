"""``sync retry``: look again at every record of a target that is in one state, parked ones above all."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError
from rich.console import Console

from users import services
from users.management.sync.targets import configured
from users.models import UserSync
from users.models.sync import State
from users.sync.contention import StillHeld
from users.sync.publisher import publisher

STATES = [State.DEAD.value, State.PENDING.value, State.UNKNOWN.value]


def add_to(actions: Any) -> None:
    parser = actions.add_parser("retry", help="make every record of a target in one state due at once")
    parser.add_argument("--target", required=True, metavar="T", help="the target's name")
    parser.add_argument("--state", choices=STATES, default=State.DEAD.value, help="default: dead")
    parser.set_defaults(run=run)


def run(out: Console, options: dict[str, Any]) -> None:
    """Raises `CommandError` for a target that is not configured, or where somebody goes on holding some of the records."""
    target = configured(options["target"])
    try:
        retried = services.look_now(UserSync.objects.filter(target=target, state=options["state"]))
    except StillHeld as held:
        raise CommandError(
            f"{held.looked_at} records of {target} are due now; others are held by open transactions: run it again"
        ) from held
    out.print(f"{retried} records of {target} are due now")
    if publisher().down:
        out.print("the broker does not answer: the reconciler takes them up when it does", style="yellow")
