"""A stranger's record that the policy ``match`` takes for ours: it has no external id, and our user's phone."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from tests.chaos.model.decision import EXTERNAL_IDS, MATCHED
from tests.chaos.model.target import STRANGER
from thirdparty.connectors.base import Payload, RemoteRecord, fields_of
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
            wanted = self.wanted and replace(self.wanted, payload=_with_phone(self.wanted.payload))
            settled: StepResult = judge._adopt_found(replace(self, wanted=wanted), _nameless(found))
            return settled

    return _Matching


def _nameless(found: RemoteRecord) -> RemoteRecord:
    if found.external_id != EXTERNAL_IDS[STRANGER]:
        return found
    return replace(found, external_id="", payload=_with_phone(found.payload))


def _with_phone(payload: Payload) -> Payload:
    return {**fields_of(payload), MATCHED: _PHONE}
