"""The rules of strict writes as a bundle, so that a seeded bug can replace one of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from tests.chaos.model.decision import Step, lease, text
from tests.chaos.model.row import Held, Result, Row
from tests.chaos.model.rules import Rules
from tests.chaos.model.strict import statements
from thirdparty.consistency.strict_payload import only_facts
from thirdparty.decide.result import Next, Outcome, StepResult


def facts(step: Step, result: Result, *, brings: bool) -> Result:
    """What a candidate's step leaves in the row, by `thirdparty.consistency.strict_payload`."""
    said = StepResult(
        outcome=Outcome(result.outcome), remote_id=text(result.remote_id), adopted=result.adopted,
        add_key=text(result.add_key), acknowledged=result.acknowledged, parked=result.parked, next=Next(result.next),
    )  # fmt: skip
    kept = only_facts(lease(step), said, brings=brings)
    return result._replace(
        adopted=kept.adopted, acknowledged=kept.acknowledged, parked=kept.parked, next=kept.next.value
    )


@dataclass(frozen=True, slots=True)
class StrictRules:
    """The product's own decision about a candidate's step and the mirrored statements; ``records``: of all else.

    ``looks_first``: nothing is opened while a target is closed. ``asks_all``: every target in use is asked, not only
    the first. ``compares``: the targets in use are compared again when it is applied. ``keeps_workers_out``: nobody
    else claims while the strict write stands. ``compares_base``: the candidate gives way to whoever changed the user meanwhile.
    """

    records: Rules = field(default_factory=Rules)
    claim: Callable[[Row], tuple[Row, Held] | None] = statements.claim
    owe_undoing: Callable[[Row], Row] = statements.owe_undoing
    facts: Callable[..., Result] = facts
    looks_first: bool = True
    asks_all: bool = True
    compares: bool = True
    keeps_workers_out: bool = True
    compares_base: bool = True
