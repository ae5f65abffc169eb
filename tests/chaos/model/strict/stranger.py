"""A stranger's record that the policy ``match`` takes for ours: it has no external id, and our user's phone."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from tests.chaos.model.decision import UUIDS
from tests.chaos.model.target import STRANGER
from thirdparty.connectors.base import RemoteRecord
from thirdparty.decide.interpret import Interpreter
from thirdparty.decide.result import StepResult

_PHONE = "1"


@cache
def with_our_phone(judge: type[Interpreter]) -> type[Interpreter]:
    """The same judge, who is told so of the stranger's record."""

    class _Matching(judge):  # type: ignore[misc, valid-type]  # a parameter
        def is_ours(self, found: RemoteRecord) -> bool:
            return bool(judge.is_ours(self, _nameless(found)))

        def _adopt_found(self, found: RemoteRecord) -> StepResult:
            wanted = self.wanted and replace(self.wanted, phone=_PHONE)
            settled: StepResult = judge._adopt_found(replace(self, wanted=wanted), _nameless(found))
            return settled

    return _Matching


def _nameless(found: RemoteRecord) -> RemoteRecord:
    if found.user.external_id != str(UUIDS[STRANGER]):
        return found
    return replace(found, user=replace(found.user, external_id="", phone=_PHONE))
