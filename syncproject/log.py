"""The form of log lines."""

from __future__ import annotations

import logging
import re

# To the end of the line: in a `repr`, as Celery logs errors, all that follows is on the same one.
_DETAIL = re.compile(r"DETAIL: .*")


class Discreet(logging.Formatter):
    """Leaves out what PostgreSQL adds to its errors to say which row it was: people's details, values and all."""

    def format(self, record: logging.LogRecord) -> str:
        return _DETAIL.sub("DETAIL: (left out)", super().format(record))
