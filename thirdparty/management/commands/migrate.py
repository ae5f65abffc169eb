"""Django's ``migrate``, which leaves no database without triggers when a migration fails."""

from __future__ import annotations

import logging
from typing import Any

from django.core.management.commands.migrate import Command as Migrate
from django.db import Error, connections

from thirdparty.capture import triggers

logger = logging.getLogger(__name__)


class Command(Migrate):
    def handle(self, *args: Any, **options: Any) -> Any:
        """As Django's. Where it fails, triggers that had to make way (SQLite) are put back before the error is shown."""
        connection = connections[options["database"]]
        stood = triggers.as_they_stand(connection)
        try:
            return super().handle(*args, **options)
        except BaseException:
            try:
                if triggers.put_back(connection, stood):
                    logger.warning("the migration failed: the triggers are back, and every record is owed once more")
            except Error:
                # Nothing answers. Workers, web and reconciler refuse to go on without them, and every status says so.
                logger.exception(
                    "the migration failed, and left no triggers: changes go unrecorded until one succeeds"
                )
            raise
