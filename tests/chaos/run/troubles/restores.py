"""A third party that is restored from a backup: what came after is gone, and its ids are given out once more."""

from __future__ import annotations

import time

from tests.chaos.run.troubles.trouble import Stage, Trouble
from tests.chaos.run.verdict import Side

_BETWEEN_SECONDS = (4.0, 9.0)
_UNNOTICED_SECONDS = (0.5, 4.0)
_POLL_SECONDS = 0.2


class Restores(Trouble):
    """Only of those who can be asked whose record is under an id: nobody else could be brought level again.

    After it the operator does what docs/operations.md says: a backfill.
    """

    kind = "restores"

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        self._sides = [side for side in stage.sides.values() if side.party.world.offers_query]

    def strike(self) -> None:
        if not self._sides:
            return
        side = self.chance.choice(self._sides)
        length = self._backed_up(side)
        if length is None:
            return
        self.stopped.wait(self.chance.uniform(*_BETWEEN_SECONDS))
        with self.stage.system.hands:
            side.party.process.kill()
            side.archive.restore(side.party.state, length, at=time.time())
            side.party.process.start()
            side.party.process.wait_ready()
        self.stage.say(f"{side.name} was restored from a backup")
        self.did("restored")
        self.stopped.wait(self.chance.uniform(*_UNNOTICED_SECONDS))
        self._backfill(side.name)

    def undo(self) -> None:
        for side in self._sides:
            if side.archive.past:
                self._backfill(side.name)

    def _backfill(self, name: str) -> None:
        self.manage("sync", "backfill", "--target", name, SYNC_TARGETS=",".join(self.stage.options.targets))
        self.did("backfilled")

    def _backed_up(self, side: Side) -> int | None:
        """The length of its state file in a moment in which it has promised nothing for later."""
        with side.party.control() as control:
            while not self.stopped.is_set():
                before = side.party.state.stat().st_size
                stats = control.stats()
                if not stats["late"]["pending"] and side.party.state.stat().st_size == before:
                    return before
                self.stopped.wait(_POLL_SECONDS)
        return None
