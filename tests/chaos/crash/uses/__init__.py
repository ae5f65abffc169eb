"""Which use of the engine crashes: ``CRASH_USE`` names it, in every process of a run."""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.chaos.crash.uses.use import Use

VARIABLE = "CRASH_USE"
PROJECTS = {"users": "users", "shop": "shop", "renumbered": "shop"}
"""Whose processes run, for each use: those of this tree's own project, or of the example."""
USES = tuple(PROJECTS)


def name() -> str:
    return os.environ.get(VARIABLE, USES[0])


def project() -> str:
    return PROJECTS[name()]


def current_use() -> Use:
    """The use of this process. Its models can be imported only once Django is set up."""
    found: Use = import_module(f"tests.chaos.crash.uses.{name()}").USE
    return found
