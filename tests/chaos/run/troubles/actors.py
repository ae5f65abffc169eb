"""The actors of a run, by the kinds of trouble that were asked for."""

from __future__ import annotations

from tests.chaos.run.troubles.clocks import LIBRARY, Clocks
from tests.chaos.run.troubles.decisions import Decisions
from tests.chaos.run.troubles.drift import Drift
from tests.chaos.run.troubles.imports import Imports
from tests.chaos.run.troubles.migrations import Migrations
from tests.chaos.run.troubles.pauses import Pauses
from tests.chaos.run.troubles.restores import Restores
from tests.chaos.run.troubles.retire import Retire
from tests.chaos.run.troubles.strict import Strict
from tests.chaos.run.troubles.targets import Targets
from tests.chaos.run.troubles.transactions import Transactions
from tests.chaos.run.troubles.trouble import Stage, Trouble
from tests.chaos.run.troubles.upgrade import Upgrade

_ACTORS: tuple[type[Trouble], ...] = (
    Clocks,
    Upgrade,
    Retire,
    Targets,
    Migrations,
    Pauses,
    Restores,
    Decisions,
    Imports,
    Strict,
    Transactions,
    Drift,
)
"""In the order in which they are undone: a target has to be named before it can be backfilled."""


def actors(stage: Stage) -> list[Trouble]:
    """One for each kind; strangers and changed keys need none, they are in the world and among the writes."""
    return [actor(stage) for actor in _ACTORS if actor.kind in stage.options.troubles and _can(actor, stage)]


def _can(actor: type[Trouble], stage: Stage) -> bool:
    match actor.kind:
        case "clocks":
            return stage.on_postgresql or LIBRARY is not None
        case "targets":
            return len(stage.options.worlds) > 1
        case "transactions":
            return stage.on_postgresql
        case "restores" | "drift":
            return any(world.offers_query for world in stage.options.worlds)
        case "retire":
            return any(world.offers_query for world in stage.options.worlds[1:])
        case _:
            return True
