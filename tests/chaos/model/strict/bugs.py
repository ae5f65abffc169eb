"""Seeded bugs of strict writes: each replaces one rule by what one might well have written, and must be caught."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.chaos.model.decision import Step
from tests.chaos.model.row import Held, Result, Row
from tests.chaos.model.strict import statements
from tests.chaos.model.strict.configuration import StrictConfiguration
from tests.chaos.model.strict.configurations import JOINED, PAUSED, THERE_BEFORE, daily
from tests.chaos.model.strict.rules import StrictRules, facts


def _named(name: str) -> StrictConfiguration:
    return next(configuration for configuration in daily() if configuration.name == name)


UPDATE_KILLED = _named("strict update, query: a death")
UPDATE_REFUSED = _named("strict update, query: a refusal")
UPDATE_EDITED = _named("strict update, query: an edit")


@dataclass(frozen=True, slots=True)
class Bug:
    """``caught``: the invariant that breaks first."""

    rules: StrictRules
    configuration: StrictConfiguration
    caught: str


def _owes_nothing(row: Row) -> tuple[Row, Held] | None:
    claimed = statements.claim(row)
    if claimed is None:
        return None
    leased, held = claimed
    return leased._replace(generation=row.generation), held._replace(generation=row.generation)


def _frees_the_lease(row: Row) -> tuple[Row, Held] | None:
    return statements.claim(row._replace(lease="free"))


def _acknowledges(step: Step, result: Result, *, brings: bool) -> Result:
    return facts(step, result, brings=brings)._replace(acknowledged=result.acknowledged)


def _rests(step: Step, result: Result, *, brings: bool) -> Result:
    return facts(step, result, brings=brings)._replace(next=result.next)


def _trusts_for_nobody(step: Step, result: Result, **_: Any) -> Result:
    """As it was: what was there before counted as taken on trust for a user who did not exist, not for an inactive one."""
    return facts(step, result, brings=False)


BUGS = {
    "nobody looks first": Bug(StrictRules(looks_first=False), PAUSED, "P14: a target is asked although"),
    "only the known target is asked": Bug(
        StrictRules(asks_all=False, compares=False), UPDATE_KILLED, "P14: applied although target 1"
    ),
    "who comes into use meanwhile is not seen": Bug(
        StrictRules(compares=False), JOINED, "P14: applied although target 1"
    ),
    "what was there before is deleted": Bug(StrictRules(facts=_trusts_for_nobody), THERE_BEFORE, "P7"),
    "a candidate leaves its record as if it were level": Bug(
        StrictRules(claim=_owes_nothing, facts=_rests), UPDATE_REFUSED, "I4"
    ),
    "a candidate is acknowledged before it is applied": Bug(StrictRules(facts=_acknowledges), UPDATE_KILLED, "I"),
    "taking back owes nothing": Bug(StrictRules(owe_undoing=lambda row: row), UPDATE_REFUSED, "I"),
    "taking back acknowledges": Bug(
        StrictRules(owe_undoing=lambda row: row._replace(synced=row.generation, due="none")), UPDATE_REFUSED, "I1"
    ),
    "a worker's lease is taken by the candidate": Bug(
        StrictRules(claim=_frees_the_lease, looks_first=False), UPDATE_EDITED, "I5"
    ),
    "workers go on while it stands": Bug(StrictRules(keeps_workers_out=False), UPDATE_EDITED, "I"),
    "the candidate does not give way": Bug(StrictRules(compares_base=False), UPDATE_EDITED, "P14: applied over"),
}
