"""Targets that people pause and resume."""

from __future__ import annotations

import time

from tests.chaos.run.options import LEASE_SECONDS
from tests.chaos.run.troubles.trouble import Trouble
from users.sync import pause

_PAUSED_SECONDS = (1.0, 5.0)
_LONG_SECONDS = LEASE_SECONDS + 4
_LONG_SHARE = 0.25
_REASON = "chaos"


class Pauses(Trouble):
    """I12: whoever had a lease before the pause may use it; after that nothing is sent."""

    kind = "pauses"

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
        self._require_silence(name, paused_at + LEASE_SECONDS, resumed_at)

    def undo(self) -> None:
        for name in self.stage.options.targets:
            pause.resume(name)

    def _resume(self, name: str) -> None:
        while not self.stopped.is_set():
            try:
                pause.resume(name)
            except Exception:  # noqa: BLE001  # the database is down: the target is not to stay paused for that
                self.stopped.wait(0.5)
            else:
                return

    def _require_silence(self, name: str, since: float, until: float) -> None:
        if until <= since:
            return
        # Its own control: the one of the verdict is another thread's.
        with self.stage.sides[name].party.control() as control:
            sent = [entry for entry in control.ledger() if entry["kind"] == "request" and since < entry["at"] < until]
        for entry in sent:
            self.complain("I12", f"{name}: {entry['call']} #{entry['seq']} was sent while a person had it paused")
