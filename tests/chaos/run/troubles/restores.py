"""A third party that is restored from a backup: what came after is gone, and its ids are given out once more."""

from __future__ import annotations

import time

from tests.chaos.run.archive import Restore
from tests.chaos.run.side import Side
from tests.chaos.run.troubles.trouble import Stage, Trouble
from thirdparty.sandbox.client import SandboxControl

_BETWEEN_SECONDS = (4.0, 9.0)
_UNNOTICED_SECONDS = (0.5, 4.0)
_SILENCE_SECONDS = 8.0
_POLL_SECONDS = 0.05


class Restores(Trouble):
    """Only of those who can be asked whose record is under an id: nobody else could be brought level again.

    After it the operator does what docs/operations.md says: a backfill.
    """

    kind = "restores"

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        self._sides = [side for side in stage.sides.values() if side.party.world.offers_query]

    def strike(self) -> None:
        side = self.chance.choice(self._sides)
        with side.party.control() as control:
            backup = self._backed_up(control)
            self.stopped.wait(self.chance.uniform(*_BETWEEN_SECONDS))
            with side.records_lock, self.stage.system.hands:
                self._restore(side, control, backup)
        self.stage.say(f"{side.name} was restored from a backup")
        self.did("restored")
        self.stopped.wait(self.chance.uniform(*_UNNOTICED_SECONDS))
        if side.name in self.stage.system.roster.present():
            self._backfill(side)

    def undo(self) -> None:
        for side in self._sides:
            if side.archive.restores:
                self._backfill(side)

    def _backfill(self, side: Side) -> None:
        self.manage("sync", "backfill", "--target", side.name, SYNC_TARGETS=",".join(self.stage.options.targets))
        side.archive.backfilled.append(time.time())
        self.did("backfilled")

    def _backed_up(self, control: SandboxControl) -> int:
        """The ledger's last number at the backup. Raises where the third party is down."""
        while True:
            before = _last(control)
            control.backup()
            if _last(control) == before:
                return before

    def _restore(self, side: Side, control: SandboxControl, backup: int) -> None:
        """While it refuses everybody, as one does that is being restored."""
        switches = control.switches()
        control.faults(refuse=1)
        self._await_silence(control)
        seq = _last(control)
        control.restore()
        side.archive.restores.append(Restore(backup, seq, time.time()))
        control.faults(**switches)

    def _await_silence(self, control: SandboxControl) -> None:
        deadline = time.monotonic() + _SILENCE_SECONDS
        while time.monotonic() < deadline:
            stats = control.stats()
            if not stats["in_flight"] and not stats["late"]["pending"]:
                return
            time.sleep(_POLL_SECONDS)
        raise TimeoutError("the third party is never idle")


def _last(control: SandboxControl) -> int:
    entries = control.ledger()
    return int(entries[-1]["seq"]) if entries else 0
