"""``sync retire``: a target that will not come back. Its records are dropped here; what it holds, it keeps."""

from __future__ import annotations

import time
from typing import Any

from django.core.management.base import CommandError
from django.db import transaction
from rich.console import Console

from thirdparty import audit_log, permissions, targets
from thirdparty.capture import retirement
from thirdparty.management.sync import action
from thirdparty.management.sync.action import Answer
from thirdparty.management.sync.argument import staff_named
from thirdparty.management.sync.progress import progress
from thirdparty.models import Record, Target
from thirdparty.permissions import Right

_PAUSE_SECONDS = 0.5


def add_to(actions: Any) -> None:
    parser = action.add(
        actions,
        "retire",
        run=run,
        does="owe a target nothing any more and drop its records here; named again, it is a new one",
        example='partner --by ada --reason "the contract has ended"',
    )
    parser.add_argument("target", metavar="T", help="the target's name; SYNC_TARGETS must not name it any more")
    parser.add_argument("--by", required=True, metavar="USERNAME", help="the staff account that decides")
    parser.add_argument("--reason", required=True, help="why; kept in the target's history")


def run(_: Console, options: dict[str, Any]) -> Answer[dict[str, Any]]:
    """Raises `CommandError`, having changed nothing, for a target that is named here or that there is not."""
    name, reason = options["target"], options["reason"].strip()
    if name in targets.names():
        raise CommandError(f"SYNC_TARGETS names {name}: take it out there first, and restart what runs with it")
    target = Target.objects.filter(name=name).first()
    if target is None:
        raise CommandError(f"there is no target {name!r}")
    account = staff_named(options["by"])
    permissions.require(account, Right.PAUSE)
    if not reason:
        raise CommandError("say why with --reason")
    with transaction.atomic():
        targets.retire(name)
        audit_log.record(account, target, audit_log.CHANGE, f"retired by {account.get_username()}: {reason}")
    dropped = 0
    with progress(f"dropping {name}", total=Record.objects.filter(target=name).count()) as shown:
        for step in retirement.steps(name):
            dropped += step
            shown.to(dropped, note="" if step else "waiting for records that others hold")
            if not step:
                time.sleep(_PAUSE_SECONDS)
    return Answer({"target": name, "dropped": dropped}, _show)


def _show(out: Console, done: dict[str, Any]) -> None:
    out.print(f"{done['target']} is retired: {done['dropped']} records dropped; nothing is owed to it any more")
