"""Targets that leave, come back, or are added, while everybody goes on."""

from __future__ import annotations

import time
from uuid import UUID

from tests.chaos.run.options import TARGETS
from tests.chaos.run.troubles.deployment import Deployment
from tests.chaos.run.troubles.long_transaction import LongTransaction
from tests.chaos.run.troubles.trouble import Stage
from thirdparty.models import Record
from thirdparty.models.record import State

_AWAY_SECONDS = (3.0, 8.0)
_ARRIVAL_SECONDS = 25.0
_POLL_SECONDS = 0.2


class Targets(Deployment):
    """One target, never the first: named and not named in ``SYNC_TARGETS``, by turns.

    Either as it is deployed (the variable changes, then ``migrate``, then every process is started anew), or as it
    happens (one ``migrate`` from a shell that lacks the variable). While a target comes, a transaction with edits may be
    open that began before.
    """

    kind = "targets"

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        self._all = list(stage.options.targets)
        self._coming = stage.options.newcomer

    def strike(self) -> None:
        with self.stage.deploying:
            self._come_or_go()

    def undo(self) -> None:
        with self.stage.deploying:
            self.deploy(self._all)

    def _come_or_go(self) -> None:
        if self._coming:
            with self.stage.gate.passing():
                self._bring(self._coming, "added")
            self._coming = ""
            return
        name = self.chance.choice([name for name in self._all if name != TARGETS[0]])
        deployed = self.chance.random() < 0.5
        others = [other for other in self._all if other != name]
        if deployed:
            self.deploy(others)
        else:
            self.migrate_by(others)
        self.did("left" if deployed else "left by a shell")
        self.stage.say(f"{name} is not named any more" + ("" if deployed else ", by one migrate"))
        self.stopped.wait(self.chance.uniform(*_AWAY_SECONDS))
        with self.stage.gate.passing():
            self._bring(name, "returned")

    def _bring(self, name: str, what: str) -> None:
        held_open = LongTransaction(self.stage, self.chance) if self.stage.on_postgresql else None
        if held_open is not None:
            held_open.open()
        try:
            self.deploy(self._all)
            if held_open is not None:
                self._await_arrival(name, held_open.people)
        finally:
            if held_open is not None:
                held_open.close()
        self.did(what)
        if held_open is not None and held_open.committed:
            self.did(f"{what} across a transaction")
        self.stage.say(f"{name} is {what}")

    def _await_arrival(self, name: str, people: list[str]) -> None:
        """Until the target has what could be seen of these people before the transaction ends; or not for ever."""
        deadline = time.monotonic() + _ARRIVAL_SECONDS
        there = Record.objects.filter(
            target=name, object_id__in=[UUID(person).hex for person in people], state=State.SYNCED
        )
        while time.monotonic() < deadline and there.count() < len(people):
            time.sleep(_POLL_SECONDS)
