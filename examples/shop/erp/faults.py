"""What goes wrong at the ERP when it is told to."""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self


class Fault(StrEnum):
    UNAVAILABLE = "unavailable"
    """503, and nothing was done."""
    BROKEN = "broken"
    """500, after it was done."""
    SILENT = "silent"
    """The connection is closed without an answer, after it was done."""


@dataclass(frozen=True, slots=True)
class Faults:
    """The share of requests that meets each fault, and how long every answer takes."""

    unavailable: float = 0.0
    broken: float = 0.0
    silent: float = 0.0
    latency_seconds: float = 0.0

    @classmethod
    def of(cls, told: dict[str, Any]) -> Self:
        """Raises `TypeError` for a fault that there is not, `ValueError` for what is no number."""
        return cls(**{name: float(value) for name, value in told.items()})

    def draw(self, dice: random.Random) -> Fault | None:
        drawn = dice.random()
        for fault in Fault:
            drawn -= getattr(self, fault.value)
            if drawn < 0:
                return fault
        return None
