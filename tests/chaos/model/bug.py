"""A seeded bug: the rules with it, where it must be found, and by what."""

from __future__ import annotations

from dataclasses import dataclass

from tests.chaos.model.configuration import Configuration
from tests.chaos.model.rules import Rules


@dataclass(frozen=True, slots=True)
class Bug:
    """``caught``: the invariant that breaks first."""

    rules: Rules
    configuration: Configuration
    caught: str
