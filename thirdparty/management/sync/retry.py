"""``sync retry``: look again at every record of a target that is in one state, parked ones above all."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError
from rich.console import Console

from thirdparty import permissions
from thirdparty.decisions.causes import Cause
from thirdparty.decisions.look_now import look_now, note_on_targets
from thirdparty.management.sync import action
from thirdparty.management.sync.action import Answer
from thirdparty.management.sync.argument import acting, target_named
from thirdparty.management.sync.progress import progress
from thirdparty.models import Record
from thirdparty.models.record import State
from thirdparty.notify.broker import publisher
from thirdparty.permissions import Right
from thirdparty.store.contention import StillHeld
from thirdparty.store.leased import in_state

STATES = [State.PARKED.value, State.PENDING.value, State.UNKNOWN.value]


def add_to(actions: Any) -> None:
    parser = action.add(
        actions,
        "retry",
        run=run,
        does="make every record of a target in one state due at once",
        example="--target partner --cause http_422 --by ada",
    )
    parser.add_argument("--target", required=True, metavar="T", help="the target's name")
    parser.add_argument("--state", choices=STATES, default=State.PARKED.value, help="default: parked")
    parser.add_argument(
        "--cause", default="", metavar="WORD", help="only those of this cause, as `sync status` names it"
    )
    parser.add_argument("--by", default="", metavar="YOU", help="your account, for the target's history")


def run(_: Console, options: dict[str, Any]) -> Answer[dict[str, Any]]:
    """Raises `NotAllowed`, and `CommandError` for a target that is not configured, or where somebody goes on holding some of the
    records.
    """
    target, state = target_named(options["target"]), options["state"]
    by = acting(options)
    permissions.require(by, Right.DECIDE)
    cause = Cause(target, options["cause"], state=state)
    records = cause.records() if cause.cause else Record.objects.filter(in_state(state), target=target)
    which = f"{state} for {cause.cause}" if cause.cause else state
    note_on_targets(records, f"to be looked at now: {which}", by)
    try:
        with progress(f"retrying {target}", total=records.count()) as shown:
            retried = look_now(records, by=by, progress=shown.to)
    except StillHeld as held:
        raise CommandError(
            f"{held.looked_at} records of {target} are due now; others are held by open transactions: run it again"
        ) from held
    done = {"target": target, "state": state, "cause": cause.cause, "due": retried, "broker_down": publisher().down}
    return Answer(done, _show)


def _show(out: Console, done: dict[str, Any]) -> None:
    out.print(f"{done['due']} records of {done['target']} are due now")
    if done["broker_down"]:
        out.print("the broker does not answer: the reconciler takes them up when it does", style="yellow")
