"""A target that is retired under load, and named again later: a new one, though it still holds what it held."""

from __future__ import annotations

import time

import requests
from django.db.models import Q

from tests.chaos.run.ledger import WRITES
from tests.chaos.run.options import TARGETS
from tests.chaos.run.side import Side
from tests.chaos.run.troubles.deployment import Deployment
from thirdparty.models import Attempt, Record

_RETIRED_SECONDS = (2.0, 6.0)
_SILENCE_SECONDS = 10.0
_POLL_SECONDS = 0.05
_QUIET_LOOKS = 3


class Retire(Deployment):
    """I17: nothing is written to a target because it is retired, nor while it is; nobody works on what it may still be owed.

    Never the first target, and only those who can be asked whose a record is: nobody could tell ours from others' afterwards.
    """

    kind = "retire"
    pauses = (3.0, 8.0)
    _since = 0.0

    def strike(self) -> None:
        with self.stage.deploying:
            present = self.stage.system.roster.present()
            sides = [side for side in self._sides() if side.name in present]
            if sides and not self.stopped.is_set():
                side = self.chance.choice(sides)
                try:
                    self._retire(side, [name for name in sorted(present) if name != side.name])
                    self._judge(side)
                finally:
                    with self.stage.gate.passing():
                        self.deploy(sorted(present))
                self.did("named again")
                self.stage.say(f"{side.name} is named again")

    def undo(self) -> None:
        with self.stage.deploying:
            if away := {side.name for side in self._sides()} - self.stage.system.roster.present():
                self.deploy([name for name in TARGETS if name in self.stage.system.roster.present() | away])

    def _sides(self) -> list[Side]:
        return [
            side for side in self.stage.sides.values() if side.party.world.offers_query and side.name != TARGETS[0]
        ]

    def _retire(self, side: Side, others: list[str]) -> None:
        self.deploy(others)
        self._await_silence(side)
        self._since = time.time()
        self._count_attempts(side)
        self.stage.system.roster.retire(side.name)
        by = ("--by", self.stage.account.username, "--reason", "chaos")
        try:
            self.manage("sync", "retire", side.name, *by, SYNC_TARGETS=",".join(others))
        finally:
            side.dropped_at = time.time()
        self.stage.say(f"{side.name} is retired")
        self.stopped.wait(self.chance.uniform(*_RETIRED_SECONDS))

    def _await_silence(self, side: Side) -> None:
        """Until nothing is on its way any more that was sent before."""
        deadline, quiet = time.monotonic() + _SILENCE_SECONDS, 0
        with side.party.control() as control:
            while quiet < _QUIET_LOOKS and time.monotonic() < deadline:
                try:
                    quiet = 0 if control.stats()["in_flight"] else quiet + 1
                except requests.RequestException:
                    quiet = 0
                time.sleep(_POLL_SECONDS)

    def _count_attempts(self, side: Side) -> None:
        """They go with their records, and happened all the same."""
        attempts = Attempt.objects.filter(record__target=side.name)
        side.attempts_dropped["unknown"] += attempts.filter(outcome="unknown").count()
        side.attempts_dropped["takeovers"] += attempts.filter(reason="lease_expired").count()

    def _judge(self, side: Side) -> None:
        with side.party.control() as control:
            for entry in control.ledger():
                if entry["kind"] == "request" and entry["call"] in WRITES and entry["at"] > self._since:
                    self.complain(
                        "I17", f"{side.name}: {entry['call']} #{entry['seq']} was sent though it was retired"
                    )
        worked_on = Record.objects.filter(Q(claims__gt=0) | Q(lease_token__isnull=False), target=side.name)
        for key in worked_on.values_list("key", flat=True):
            self.complain("I17", f"{key}: was worked on though its target was retired")
