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
from tests.chaos.model.explorer import Exploration
from tests.chaos.model.records import explore
from tests.chaos.model.rules import Rules
from tests.chaos.model.state import Budget
from tests.chaos.model.strict import configurations as strict
from tests.chaos.model.strict.bugs import BUGS as STRICT_BUGS
from tests.chaos.model.strict.configuration import StrictConfiguration
from tests.chaos.model.strict.exploration import explore as explore_strictly
from tests.chaos.model.strict.rules import StrictRules


def main() -> int:
    """Exit with 1 if any exploration ends in a violation."""
    chosen = _arguments()
    console = Console()
    table = Table("configuration", "states", "moves", "quiescent", "longest", "seconds", "violation")
    for column in table.columns[1:6]:
        column.justify = "right"
    violated = []
    for configuration in _chosen(chosen):
        with console.status(configuration.name):
            found = _explored(configuration, chosen.bug)
        table.add_row(*_cells(found))
        if found.violation:
            violated.append(f"{configuration.name}: {found.violation}")
    console.print(table)
    for violation in violated:
        console.print(f"\n{violation}", highlight=False, soft_wrap=True)
    return 1 if violated else 0


def _explored(configuration: Configuration | StrictConfiguration, bug: str | None) -> Exploration:
    if isinstance(configuration, StrictConfiguration):
        return explore_strictly(configuration, STRICT_BUGS[bug].rules if bug else StrictRules())
    return explore(configuration, BUGS[bug].rules if bug else Rules())


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.model", description=__doc__)
    parser.add_argument("--full", action="store_true", help="the full budgets; takes long")
    parser.add_argument("--only", default="", metavar="WORDS", help="configurations whose name has these words")
    parser.add_argument(
        "--bug", choices=sorted([*BUGS, *STRICT_BUGS]), metavar="NAME", help="seed one of these bugs: %(choices)s"
    )
    parser.add_argument(
        "--frozen-sender", action="store_true", help="PROTOCOL 5's exception, which breaks a promise by design"
    )
    for name in Budget._fields:
        parser.add_argument(f"--{name}", type=int, metavar="N", help="in every configuration")
    return parser.parse_args()


def _chosen(chosen: argparse.Namespace) -> list[Configuration | StrictConfiguration]:
    present: list[Configuration | StrictConfiguration]
    if chosen.bug:
        present = [
            STRICT_BUGS[chosen.bug].configuration if chosen.bug in STRICT_BUGS else BUGS[chosen.bug].configuration
        ]
    elif chosen.frozen_sender:
        present = [FROZEN_SENDER]
    else:
        present = [*full(), *strict.full()] if chosen.full else [*daily(), *strict.daily()]
    given = {name: getattr(chosen, name) for name in Budget._fields if getattr(chosen, name) is not None}
    return [_with_budget(configuration, given) for configuration in present if chosen.only in configuration.name]


def _with_budget(
    configuration: Configuration | StrictConfiguration, given: dict[str, int]
) -> Configuration | StrictConfiguration:
    if isinstance(configuration, StrictConfiguration):
        target = configuration.target
        return replace(configuration, target=replace(target, budget=target.budget._replace(**given)))
    return replace(configuration, budget=configuration.budget._replace(**given))


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
