"""Seeded bugs of what becomes of a record whose user leaves."""

from __future__ import annotations

from dataclasses import replace

from tests.chaos.model.bug import Bug
from tests.chaos.model.configuration import Configuration
from tests.chaos.model.configurations import LEAVING, TARGETS
from tests.chaos.model.rules import Rules
from tests.chaos.model.state import Budget
from thirdparty.connectors.base import RemoteRecord
from thirdparty.decide.interpret import Interpreter
from thirdparty.decide.result import Doubt, StepResult

BACK = Budget(edits=1, toggles=2, kills=1, timeouts=1)
LEFT = Configuration("left", TARGETS["query"], BACK, leaving=LEAVING["left"])
LEFT_BLIND = replace(LEFT, name="left, nothing on offer", offers=TARGETS["nothing"])
DEACTIVATED = replace(LEFT, name="deactivated", leaving=LEAVING["deactivated"])
LATER = Configuration("deleted later", TARGETS["query"], Budget(toggles=1, days=1), leaving=LEAVING["deleted later"])


class _ForgetsWhatStays(Interpreter):
    def left(self) -> StepResult:
        return replace(super().left(), remote_id=None)


class _GivesTheKeyUp(Interpreter):
    def left(self) -> StepResult:
        return replace(super().left(), add_key=None)


class _BelievesADeactivation(Interpreter):
    """Whatever may have landed after it."""

    def rechecked(self, found: RemoteRecord | None) -> StepResult:
        if self.wanted is not None or found is None:
            return super().rechecked(found)
        return self._settle(acknowledged=True, stays=True, add_key=None, doubt=Doubt.CLEAR)


BUGS = {
    "the link to what stays is forgotten": Bug(Rules(judge=_ForgetsWhatStays), LEFT, "I3"),
    "the key of an unanswered add is given up when its user leaves": Bug(
        Rules(judge=_GivesTheKeyUp), LEFT_BLIND, "I3"
    ),
    "a deactivation is not read back": Bug(Rules(judge=_BelievesADeactivation), DEACTIVATED, "I2"),
    "what has stayed for all of its days stays": Bug(Rules(owe_deletion=lambda row: row), LATER, "I4"),
}
