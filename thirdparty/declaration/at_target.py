"""One target, as a declaration sees it while it makes a payload."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AtTarget:
    """The target that the payload is for. ``name``: as SYNC_TARGETS has it."""

    name: str
