"""``sync compensate``: what a person decides about one record that does not come right by itself."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError
from rich.console import Console

from thirdparty.decisions.compensation import MEANINGS, CannotCompensate, Deed, compensate
from thirdparty.management.sync import action, argument, terminal
from thirdparty.management.sync.action import Answer
from thirdparty.models import Record


def add_to(actions: Any) -> None:
    parser = action.add(
        actions,
        "compensate",
        run=run,
        does="decide by hand about one record, on record",
        example='retry users.user:42 --target partner --by ada --reason "the partner has mended it"',
    )
    listed = "; ".join(f"{deed}: {meaning}" for deed, meaning in MEANINGS.items())
    parser.add_argument("deed", metavar="DEED", choices=[deed.value for deed in Deed], help=listed)
    parser.add_argument("object", metavar="OBJECT", help=argument.OBJECT)
    parser.add_argument("--target", required=True, metavar="T", help="the target's name")
    parser.add_argument("--by", required=True, metavar="USERNAME", help="the staff account that decides, and may")
    parser.add_argument("--reason", required=True, help="why; kept in the record's history")
    parser.add_argument(
        "--remote-id", default="", metavar="N", help="with adopt or settle: the record's id at the target"
    )
    parser.add_argument(
        "--generation",
        type=int,
        metavar="N",
        help="as `sync explain` showed it; without, as the record is at this moment",
    )


def run(_: Console, options: dict[str, Any]) -> Answer[dict[str, Any]]:
    """Raises `CommandError`, saying what stands in the way."""
    key = argument.object_named(options["object"]).key(argument.target_named(options["target"]))
    account = argument.staff_named(options["by"])
    deed = Deed(options["deed"])
    seen = options["generation"]
    if seen is None:
        seen = Record.objects.filter(key=key).values_list("generation", flat=True).first() or 0
    try:
        compensate(key, deed, account=account, seen=seen, reason=options["reason"], remote_id=options["remote_id"])
    except CannotCompensate as refused:
        raise CommandError(str(refused)) from None
    state = Record.objects.get(key=key).state
    return Answer({"record": key, "deed": deed.value, "generation": seen, "state": state}, _show)


def _show(out: Console, done: dict[str, Any]) -> None:
    out.print(f"{done['record']}: {done['deed']} done; the record is ", terminal.coloured(done["state"]), sep="")
    out.print(f"decided on generation {done['generation']}", style="dim")
