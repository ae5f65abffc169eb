"""Explores and prints a table: ``python -m tests.chaos.model --full``."""

# ruff: noqa: E402  # the product's decisions can be imported only once Django is set up

from __future__ import annotations

import argparse
import os
import shutil
import sys
from dataclasses import replace

import django
from rich.console import Console
from rich.table import Table

from tests.environment import FOLDER

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "syncproject.settings")
django.setup()

from tests.chaos.model.bugs import BUGS
from tests.chaos.model.configuration import Configuration
from tests.chaos.model.configurations import FROZEN_SENDER, daily, full
from tests.chaos.model.explorer import Exploration, explore
from tests.chaos.model.rules import Rules
from tests.chaos.model.state import Budget


def main() -> int:
    """Exit with 1 if any exploration ends in a violation."""
    chosen = _arguments()
    console = Console()
    rules = BUGS[chosen.bug].rules if chosen.bug else Rules()
    table = Table("configuration", "states", "moves", "quiescent", "longest", "seconds", "violation")
    for column in table.columns[1:6]:
        column.justify = "right"
    violated = []
    for configuration in _chosen(chosen):
        with console.status(configuration.name):
            found = explore(configuration, rules)
        table.add_row(*_cells(found))
        if found.violation:
            violated.append(f"{configuration.name}: {found.violation}")
    console.print(table)
    for violation in violated:
        console.print(f"\n{violation}", highlight=False, soft_wrap=True)
    return 1 if violated else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.model", description=__doc__)
    parser.add_argument("--full", action="store_true", help="the full budgets; takes long")
    parser.add_argument("--only", default="", metavar="WORDS", help="configurations whose name has these words")
    parser.add_argument("--bug", choices=sorted(BUGS), metavar="NAME", help="seed one of these bugs: %(choices)s")
    parser.add_argument(
        "--frozen-sender", action="store_true", help="PROTOCOL 5's exception, which breaks a promise by design"
    )
    for name in Budget._fields:
        parser.add_argument(f"--{name}", type=int, metavar="N", help="in every configuration")
    return parser.parse_args()


def _chosen(chosen: argparse.Namespace) -> list[Configuration]:
    if chosen.bug:
        present = [BUGS[chosen.bug].configuration]
    elif chosen.frozen_sender:
        present = [FROZEN_SENDER]
    else:
        present = full() if chosen.full else daily()
    given = {name: getattr(chosen, name) for name in Budget._fields if getattr(chosen, name) is not None}
    return [
        replace(configuration, budget=configuration.budget._replace(**given))
        for configuration in present
        if chosen.only in configuration.name
    ]


def _cells(found: Exploration) -> list[str]:
    numbers = (f"{number:,}" for number in (found.states, found.moves, found.quiescent, found.longest))
    return [
        found.configuration.name, *numbers, f"{found.seconds:.1f}",
        found.violation.what if found.violation else "none",
    ]  # fmt: skip


if __name__ == "__main__":
    try:
        sys.exit(main())
    finally:
        shutil.rmtree(FOLDER, ignore_errors=True)
