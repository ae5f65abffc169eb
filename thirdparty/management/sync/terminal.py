"""How the actions print: in colour on a terminal, plain elsewhere, and never cut short."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from thirdparty.models.record import State

_PLAIN_WIDTH = 160
_STYLES = {
    State.PENDING: "yellow",
    State.IN_FLIGHT: "cyan",
    State.UNKNOWN: "magenta",
    State.SYNCED: "green",
    State.PARKED: "bold red",
    State.HELD: "red",
    State.REJECTED: "dim",
    State.LEFT: "dim",
    State.DELETED: "dim",
}


def console(stream: Any) -> Console:
    """A console on a command's ``stdout``. What people typed is shown as it is, never as markup."""
    width = None if stream.isatty() else _PLAIN_WIDTH
    return Console(file=stream, width=width, markup=False, highlight=False, emoji=False)


def table(out: Console, *columns: str) -> Table:
    return Table(*columns, box=box.SIMPLE_HEAD if out.is_terminal else None, pad_edge=False)


def coloured(state: str, text: object = None) -> Text:
    """``text``, or the state itself, in the state's colour."""
    return Text(state if text is None else str(text), style=_STYLES[State(state)])


def calls(count: int, rate_per_second: float | None, seconds: float | None) -> str:
    """So many calls, and how long they take at the target's rate, where it has one."""
    if rate_per_second is None or seconds is None:
        return f"{count} calls; the target has no rate"
    return f"{count} calls, {timedelta(seconds=round(seconds))} at {rate_per_second:.3g} a second"


def json_line(value: Any) -> str:
    """The value on one line."""
    return json.dumps(value, ensure_ascii=False, cls=DjangoJSONEncoder)


def print_json(out: Console, value: Any) -> None:
    out.print(json.dumps(value, indent=2, ensure_ascii=False, cls=DjangoJSONEncoder), soft_wrap=True)
