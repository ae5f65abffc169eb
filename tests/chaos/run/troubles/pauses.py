"""Targets that people pause and resume."""

from __future__ import annotations

import time

from tests.chaos.run.options import LEASE_SECONDS
from tests.chaos.run.troubles.trouble import Stage, Trouble
from thirdparty.run import pause

_PAUSED_SECONDS = (1.0, 5.0)
_LONG_SECONDS = LEASE_SECONDS + 4
_LONG_SHARE = 0.25
_REASON = "chaos"


class Pauses(Trouble):
    """I12: whoever had a lease before the pause may use it; after that nothing is sent."""

    kind = "pauses"

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        self._silent: list[tuple[str, float, float]] = []

    def strike(self) -> None:
        name = self.chance.choice(list(self.stage.options.targets))
        if not pause.pause(name, reason=_REASON):
            return
        paused_at = time.time()
        long = self.chance.random() < _LONG_SHARE
        self.stopped.wait(_LONG_SECONDS if long else self.chance.uniform(*_PAUSED_SECONDS))
        resumed_at = time.time()
        self._resume(name)
        self.did("long" if long else "short")
        if resumed_at > paused_at + LEASE_SECONDS:
            self._silent.append((name, paused_at + LEASE_SECONDS, resumed_at))

    def undo(self) -> None:
        for name in self.stage.options.targets:
            pause.resume(name)
        for name, since, until in self._silent:
            for entry in self.stage.sides[name].control.ledger():
                sent = entry["kind"] == "request" and since < entry["at"] < until
                if sent and not self._by_one_who_was_frozen(entry["at"]):
                    self.complain("I12", f"{name}: {entry['call']} #{entry['seq']} was sent while it was paused")

    def _by_one_who_was_frozen(self, at: float) -> bool:
        """Whoever was frozen between the look at the lease and the request sends it once thawed."""
        return any(since < at < until + LEASE_SECONDS for since, until in self.stage.aloof)

    def _resume(self, name: str) -> None:
        while not self.stopped.is_set():
            try:
                pause.resume(name)
            except Exception:  # noqa: BLE001  # the database is down: the target is not to stay paused for that
                self.stopped.wait(0.5)
            else:
                return
