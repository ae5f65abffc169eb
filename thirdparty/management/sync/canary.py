"""``sync canary``: whether a message reaches a worker, and its answer the database."""

from __future__ import annotations

from argparse import ArgumentTypeError
from typing import Any

from rich.console import Console

from thirdparty.management.sync import action
from thirdparty.management.sync.action import Answer
from thirdparty.run import canary
from thirdparty.run.canary import Heard, Part

_PATIENCE_SECONDS = 10.0
_LONGEST_SECONDS = 3_600.0
_WHY = {
    Part.DATABASE: "the database does not answer",
    Part.BROKER: "the broker takes no message: saves are pushed once beat and workers reach it again",
    Part.WORKERS: (
        "no worker answered within {seconds:.1f} s: none takes the queue, all are busy, or those that do reach no database; "
        "`sync status` says who was seen"
    ),
}


def add_to(actions: Any) -> None:
    parser = action.add(
        actions,
        "canary",
        run=run,
        example="--within 30",
        does="send a message that a worker answers by the database; exit 1, and which part is silent, where none comes",
    )
    parser.add_argument(
        "--within",
        type=_seconds,
        default=_PATIENCE_SECONDS,
        metavar="SECONDS",
        help=f"wait for so long ({_PATIENCE_SECONDS:g})",
    )


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds <= _LONGEST_SECONDS:
        raise ArgumentTypeError(f"more than 0 and at most {_LONGEST_SECONDS:g} seconds, not {text}")
    return seconds


def run(_: Console, options: dict[str, Any]) -> Answer[Heard]:
    """Fails where no answer came."""
    heard = canary.ask(within_seconds=options["within"])
    failure = "" if heard.silent is None else _WHY[heard.silent].format(seconds=heard.seconds)
    return Answer(heard, _show, _as_json, failure)


def _show(out: Console, heard: Heard) -> None:
    if heard.silent is None:
        out.print(f"{heard.answered_by} answered in {heard.seconds:.1f} s")


def _as_json(heard: Heard) -> dict[str, Any]:
    return {
        "answered": heard.silent is None,
        "silent": heard.silent,
        "seconds": round(heard.seconds, 3),
        "answered_by": heard.answered_by or None,
    }
