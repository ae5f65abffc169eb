"""``python manage.py sandbox``: the stand-in third party."""

from __future__ import annotations

import argparse
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from thirdparty.sandbox import options
from thirdparty.sandbox.journal import JournalError
from thirdparty.sandbox.server import run


class Command(BaseCommand):
    """Runs until told to stop."""

    help = "Run a stand-in third party that can be told to misbehave (control calls under /_sandbox/)."
    requires_system_checks: tuple[str, ...] = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """See `BaseCommand`."""
        options.add_arguments(parser)

    def handle(self, *_args: Any, **given: Any) -> None:
        """See `BaseCommand`."""
        try:
            run(options.read(argparse.Namespace(**given)))
        except (JournalError, OSError) as problem:
            raise CommandError(str(problem)) from problem
