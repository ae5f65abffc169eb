"""Which use of the engine crashes: ``CRASH_USE`` names it, in every process of a run."""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.chaos.crash.uses.use import Use

VARIABLE = "CRASH_USE"
USES = ("users", "shop")


def name() -> str:
    return os.environ.get(VARIABLE, USES[0])


def current_use() -> Use:
    """The use of this process. Its models can be imported only once Django is set up."""
    found: Use = import_module(f"tests.chaos.crash.uses.{name()}").USE
    return found
