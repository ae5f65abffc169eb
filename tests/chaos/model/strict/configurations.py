"""The strict writes that are explored in each test run."""

from __future__ import annotations

from tests.chaos.model.configuration import Configuration
from tests.chaos.model.configurations import TARGETS
from tests.chaos.model.state import Budget
from tests.chaos.model.strict.configuration import StrictConfiguration
from tests.chaos.model.strict.state import Kind
from tests.chaos.model.target import STRANGER

KINDS: tuple[Kind, ...] = ("update", "delete", "activate")
FAULTS = {
    "a death": Budget(kills=2),
    "a lost answer": Budget(kills=1, timeouts=1),
    "a refusal": Budget(kills=1, refusals=1),
    "an edit": Budget(edits=1, kills=1),
    "an edit under way": Budget(edits=1, freezes=1),
}
"""What goes wrong, in the runs of every day."""
FULL = {
    "an edit under way and a lost answer": Budget(edits=1, freezes=1, timeouts=1),
    "two deaths and a lost answer": Budget(kills=2, timeouts=1),
    "an edit, a death and a lost answer": Budget(edits=1, kills=1, timeouts=1),
}
"""The same in full."""


def _both(offers: str, budget: Budget, *, adopt: str = "match", stranger: int = 0) -> Configuration:
    return Configuration("", TARGETS[offers], budget, adopt=adopt, stranger=stranger)


PAUSED = StrictConfiguration("strict delete, a target is paused", _both("query", Budget()), "delete", pauses=1)
JOINED = StrictConfiguration(
    "strict update, a target comes into use", _both("query", Budget(kills=1)), "update", joins=True
)
THERE_BEFORE = StrictConfiguration(
    "strict activation, a record was there before",
    _both("query", Budget(kills=1, refusals=1), stranger=STRANGER),
    "activate",
)


def daily() -> list[StrictConfiguration]:
    """What is explored in each test run."""
    found = [
        StrictConfiguration(f"strict {kind}, {offers}: {fault}", _both(offers, budget), kind)
        for offers in ("query", "nothing")
        for kind in KINDS
        for fault, budget in FAULTS.items()
        if offers == "query" or fault == "a lost answer"  # what a target offers matters to lost answers
    ]
    return [*found, PAUSED, JOINED, THERE_BEFORE]


def full() -> list[StrictConfiguration]:
    """Every kind of target, with the full budgets."""
    return [
        StrictConfiguration(f"strict {kind}, {offers}: {fault}", _both(offers, budget), kind)
        for offers in TARGETS
        for kind in KINDS
        for fault, budget in FULL.items()
    ]
