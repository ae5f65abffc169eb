"""An action of ``manage.py sync``: how it is declared, and what came of it, for people and as JSON alike."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from textwrap import fill
from typing import Any, Generic, TypeVar

from django.core.management.base import CommandError
from rich.console import Console

from thirdparty.management.sync import terminal

T = TypeVar("T")
_COLUMNS = 78


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """What came of an action: people read what ``show`` prints of ``value``, and JSON is ``as_json`` of the same.

    ``failure``: in one line, why the command exits with 1, once this is said.
    """

    value: T
    show: Callable[[Console, T], None]
    as_json: Callable[[T], Any] = lambda value: value
    failure: str = ""

    def tell(self, out: Console, *, as_json: bool) -> None:
        """Print it. Raises `CommandError` for a failure."""
        if as_json:
            terminal.print_json(out, self.as_json(self.value))
        else:
            self.show(out, self.value)
        if self.failure:
            raise CommandError(self.failure)


def add(
    actions: Any, name: str, *, run: Callable[[Console, dict[str, Any]], Answer[Any] | None], does: str, example: str
) -> argparse.ArgumentParser:
    """Declare an action, with ``--json``, as every one has. ``run`` returns None where it has told all by itself.

    ``example``: its arguments, as somebody would give them; its help ends with that.
    """
    parser: argparse.ArgumentParser = actions.add_parser(
        name,
        help=does,
        description=fill(does, _COLUMNS),
        epilog=f"example:\n  python manage.py sync {name} {example}".rstrip(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--json", action="store_true", help="say it as JSON, for programs")
    parser.set_defaults(run=run)
    return parser
