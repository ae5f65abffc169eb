"""The settings that a connector declares for itself, beside those that every target has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

REQUIRED = object()
"""As a default: there is none."""


@dataclass(frozen=True, slots=True)
class Option:
    """One setting of a connector's own: ``TARGET_X_`` and ``name`` in capitals; the connector finds it under ``name``.

    ``meaning`` follows "is not set: " in a complaint. ``read`` makes the value of the text; it raises `ValueError` with
    what follows the setting's name in a complaint. ``is_credential``: what a target that turns us away may not accept.
    """

    name: str
    meaning: str
    default: Any = REQUIRED
    read: Callable[[str], Any] = str
    is_credential: bool = False
