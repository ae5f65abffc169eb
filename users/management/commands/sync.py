"""``manage.py sync ACTION``: what a person does from the command line."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from users.management.sync import ACTIONS
from users.management.sync.terminal import console


class Command(BaseCommand):
    help = (
        "Looks at the synchronisation, and helps it along. Acts as an operator: whoever has a shell has the database."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(metavar="ACTION", required=True)
        for action in ACTIONS:
            action.add_to(actions)

    def handle(self, *_: Any, **options: Any) -> None:
        options["run"](console(self.stdout), options)
