"""A new version of people's mapping, which some processes have before others, and some people before others."""

from __future__ import annotations

import time
from collections import ChainMap
from functools import partial

from django.db import Error, connection

from tests.chaos.run.troubles.deployment import PRODUCT, Deployment
from tests.chaos.run.troubles.trouble import Stage
from tests.chaos.run.upgraded import mapping
from thirdparty import targets
from thirdparty.models import Record, Target
from thirdparty.models.record import State

_OLD = "worker"
"""Stays of the old version until all others are of the new one, also where it is killed meanwhile."""
_BETWEEN_SECONDS = (0.2, 2.0)
_BESIDE_SECONDS = (3.0, 8.0)
_PERCENT = (10.0, 30.0, 60.0)
_TRIED_SHARE = 0.6
_FOLLOWED_SHARE = 0.6
"""Of the trials; the others are superseded by the next version."""
_AT_REST_SHARE = 0.8
_CALM_SECONDS = 12.0
_POLL_SECONDS = 0.1


class Upgrade(Deployment):
    """By one ``migrate`` of the new version, then a process after the other; all records end as the newest version says.

    Many versions are tried on a sample first, the first one always, so that a short run has a trial. It stands while everybody goes
    on, until a person has the others follow, or the next version rises.
    """

    kind = "upgrade"
    pauses = (3.0, 7.0)

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        self._first = True

    def strike(self) -> None:
        with self.stage.deploying:
            if self.stopped.is_set():
                return
            tried = self._on_trial()
            if tried and self.chance.random() < _FOLLOWED_SHARE:
                self._follow(tried)
            else:
                self._upgrade(superseding=bool(tried))

    def undo(self) -> None:
        with self.stage.deploying:
            self._follow(self._on_trial())

    def _upgrade(self, *, superseding: bool) -> None:
        number = mapping.version() + 1
        percent = self.chance.choice(_PERCENT) if self._first or self.chance.random() < _TRIED_SHARE else 0.0
        if percent:
            self._await_calm()
        env, old = self.stage.system.stack.env, self.stage.system.process[_OLD]
        with self.stage.system.hands:
            old.env = ChainMap({mapping.VARIABLE: str(mapping.version())}, env)
        try:
            versioned = {mapping.VARIABLE: str(number), "SYNC_TRIAL_PERCENT": str(percent)}
            self.migrate_by(env["SYNC_TARGETS"].split(","), **versioned)
            self._first = False
            env[mapping.VARIABLE] = str(number)
            mapping.use(number)
            tried = f", tried on {percent:g} %" if percent else ""
            self.stage.say(f"version {number} of the mapping, beside the one before{tried}")
            for name in self.chance.sample(PRODUCT, len(PRODUCT)):
                if name != _OLD:
                    self.start_anew(name)
                    self.stopped.wait(self.chance.uniform(*_BETWEEN_SECONDS))
            self.stopped.wait(self.chance.uniform(*_BESIDE_SECONDS))
        finally:
            with self.stage.system.hands:
                old.env = env
            self.start_anew(_OLD)
        self.did("side by side" + (", on trial" if percent else "") + (", after a trial" if superseding else ""))

    def _await_calm(self) -> None:
        """Many are level: whoever is owed something anyway is sent it by the version that is tried, and shows nothing."""
        with self.stage.system.truce.kept():
            self.stage.soothe()
            until = time.monotonic() + _CALM_SECONDS
            while (share := _share_at_rest()) < _AT_REST_SHARE and time.monotonic() < until:
                if self.stopped.wait(_POLL_SECONDS):
                    break
        self.stage.say(f"{share:.0%} of the records are at rest before the trial")

    def _on_trial(self) -> list[str]:
        """The targets at which a version is tried, whether they are in use or not."""
        return [row.name for row in Target.objects.order_by("name") if targets.on_trial(row)]

    def _is_over(self, name: str) -> bool:
        """Whether nothing is on trial there, as far as can be told while the database may be down."""
        try:
            return name not in self._on_trial()
        except Error:
            connection.close()
            return False

    def _follow(self, names: list[str]) -> None:
        """A person has the others follow; what a backfill or a missing trigger has sent to everybody meanwhile needs nobody."""
        by = ("--by", self.stage.account.username, "--reason", "chaos")
        everywhere = ",".join(self.stage.options.targets)
        for name in names:
            over = partial(self._is_over, name)
            self.manage("sync", "trial", name, "--follow", *by, over=over, SYNC_TARGETS=everywhere)
            self.stage.say(f"the others at {name} follow the trial")
            self.did("followed")


def _share_at_rest() -> float:
    records = Record.objects.filter(target__in=Target.objects.filter(enabled=True).values("name"))
    return records.filter(state=State.SYNCED).count() / max(records.count(), 1)
