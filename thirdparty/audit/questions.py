"""Put questions to one target: as its guard lets us, and behind what people have just changed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from thirdparty import protect, store, targets
from thirdparty.connectors.base import Connector
from thirdparty.connectors.errors import CapabilityMissing, TargetError
from thirdparty.connectors.masking import mask
from thirdparty.run import guard_decision, shutdown

PATIENCE_SECONDS = 0.05
"""A turn is taken only where it comes so soon: whoever is more patient goes before an audit."""
STARVED_AFTER_SECONDS = 1.0
"""After so long without a turn it is as patient as two backlogs, or one that never ends would keep it out for good."""
_STARVED_PATIENCE_SECONDS = 2 * protect.HANDFUL_SECONDS
YIELD_SECONDS = 1.0
"""So long one question waits for people's edits: an audit that comes last must still come to its end."""
_TO_GO_THROUGH_SECONDS = 30.0
"""So long after its time further questions about a record may be put that has been asked about: else a slow target would
have the first of them answered again and again, and never the last."""
_LOOK_SECONDS = 0.05
_SHORTEST_WAIT_SECONDS = 0.01

T = TypeVar("T")


class NotNow(Exception):
    """The time is over before the target may be asked; the message says what it was waiting for."""


@dataclass(slots=True)
class Questions:
    """``ends_at``: on the monotonic clock; no question begins later. ``noted``: called for each that is put. ``left``: how many more may be put; None for any number."""

    target: str
    kind: str
    ends_at: float
    noted: Callable[[], None]
    left: int | None = None
    connector: Connector = field(init=False)

    def __post_init__(self) -> None:
        self.connector = targets.connector(self.target, self.kind)

    def ask(
        self,
        capability: str,
        key: str,
        question: Callable[[Connector], T],
        *,
        known: Iterable[str] = (),
        further: bool = False,
    ) -> T:
        """The answer to one question about the record ``key``. ``known``: what the target may repeat, and nobody is to see.

        ``further``: what was asked before is worth nothing without it: neither time nor number of calls stand against it.
        Raises `NotNow`, `CapabilityMissing` and whatever else of `TargetError` the target answers. Not to be used inside
        a transaction.
        """
        if shutdown.begun():
            raise NotNow("the worker ends")
        if self.left is not None:
            if self.left <= 0 and not further:
                raise NotNow("the calls of this audit are spread over a longer time")
            self.left -= 1
        admission = self._admitted(capability, self.ends_at + (_TO_GO_THROUGH_SECONDS if further else 0.0))
        self.noted()
        try:
            answer = question(self.connector)
        except CapabilityMissing as missing:
            if missing.http_status is None:
                protect.give_back(self.target, admission, made=0)
            else:
                self._tell_guard(key, admission, missing)
            raise
        except TargetError as failure:
            mask(failure, filter(None, (*self.connector.secrets(), *known)))
            self._tell_guard(key, admission, failure)
            raise
        self._tell_guard(key, admission, None, looked_up=capability == "query")
        return answer

    def _tell_guard(
        self, key: str, admission: protect.Admission, error: TargetError | None, *, looked_up: bool = False
    ) -> None:
        guard_decision.of_question(self.target, key, self.connector, admission, error, looked_up=looked_up)

    def _admitted(self, capability: str, ends_at: float) -> protect.Admission:
        self._let_edits_go_first(ends_at)
        began = time.monotonic()
        while True:
            starved = time.monotonic() - began >= STARVED_AFTER_SECONDS
            patience_seconds = _STARVED_PATIENCE_SECONDS if starved else PATIENCE_SECONDS
            admission = protect.admit(self.target, patience_seconds=patience_seconds)
            if capability in admission.without:
                protect.give_back(self.target, admission, made=0)
                raise NotNow(f"the target is said to offer {capability!r}, and answers as if it did not")
            if admission.granted:
                if admission.await_turn():
                    return admission
                protect.give_back(self.target, admission, made=0)
                continue
            _wait(admission.wait_seconds, admission.why, ends_at)

    def _let_edits_go_first(self, ends_at: float) -> None:
        until = time.monotonic() + YIELD_SECONDS
        while time.monotonic() < until and store.is_edit_claimable(self.target):
            _wait(_LOOK_SECONDS, "people's edits go first", ends_at)
        if time.monotonic() >= ends_at:
            raise NotNow("its time is over")


def _wait(seconds: float, why: str, ends_at: float) -> None:
    seconds = max(seconds, _SHORTEST_WAIT_SECONDS)
    if time.monotonic() + seconds >= ends_at:
        raise NotNow(why)
    time.sleep(seconds)
