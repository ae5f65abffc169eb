"""What a run says: progress on standard output, its figures as the last line, complaints on standard error."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from typing import Any


class Voice:
    """Progress lines begin with the seconds since the start."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def __call__(self, line: str) -> None:
        _write(f"{time.monotonic() - self._began:6.1f}  {line}")

    def figures(self, figures: Mapping[str, Any]) -> None:
        """The last line."""
        _write(json.dumps(figures))

    def complain(self, line: str) -> None:
        sys.stderr.write(f"{line}\n")


def _write(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
