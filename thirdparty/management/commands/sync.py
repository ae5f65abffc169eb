"""``manage.py sync ACTION``: what a person does from the command line."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error

from thirdparty.management.sync.terminal import console
from thirdparty.permissions import NotAllowed
from thirdparty.store.contention import is_unavailable


class Command(BaseCommand):
    help = (
        "Looks at the synchronisation, and helps it along. Acts as an operator: whoever has a shell has the database. "
        "Where --by names an account, it is that account that has to be allowed to."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(metavar="ACTION", required=True)
        for action in _actions():
            action.add_to(actions)

    def handle(self, *_: Any, **options: Any) -> None:
        try:
            out = console(self.stdout)
            answer = options["run"](out, options)
            if answer is not None:
                answer.tell(out, as_json=options["json"])
        except NotAllowed as refused:
            raise CommandError(str(refused)) from None
        except Error as problem:
            if not is_unavailable(problem):
                raise
            raise CommandError(
                f"the database was not to be had: {' '.join(str(problem).split())}. Run it again."
            ) from problem


def _actions() -> Iterator[Any]:
    """The engine's own, then those of every app that has some."""
    names = [config.name for config in apps.get_app_configs()]
    for name in sorted(names, key=lambda name: name != "thirdparty"):
        module = f"{name}.management.sync"
        if find_spec(f"{name}.management") is not None and find_spec(module) is not None:
            yield from import_module(module).ACTIONS
