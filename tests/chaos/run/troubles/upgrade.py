"""A new version of people's mapping, which some processes have before others."""

from __future__ import annotations

from collections import ChainMap

from tests.chaos.run.troubles.deployment import PRODUCT, Deployment
from tests.chaos.run.upgraded import mapping

_OLD = "worker"
"""Stays of the old version until all others are of the new one, also where it is killed meanwhile."""
_BETWEEN_SECONDS = (0.2, 2.0)
_BESIDE_SECONDS = (3.0, 8.0)


class Upgrade(Deployment):
    """By one ``migrate`` of the new version, then a process after the other; all records end as the newest version says."""

    kind = "upgrade"
    pauses = (3.0, 7.0)

    def strike(self) -> None:
        with self.stage.deploying:
            if self.stopped.is_set():
                return
            number = mapping.version() + 1
            env, old = self.stage.system.stack.env, self.stage.system.process[_OLD]
            with self.stage.system.hands:
                old.env = ChainMap({mapping.VARIABLE: str(mapping.version())}, env)
            try:
                self.migrate_by(env["SYNC_TARGETS"].split(","), **{mapping.VARIABLE: str(number)})
                env[mapping.VARIABLE] = str(number)
                mapping.use(number)
                self.stage.say(f"version {number} of the mapping, beside the one before")
                for name in self.chance.sample(PRODUCT, len(PRODUCT)):
                    if name != _OLD:
                        self.start_anew(name)
                        self.stopped.wait(self.chance.uniform(*_BETWEEN_SECONDS))
                self.stopped.wait(self.chance.uniform(*_BESIDE_SECONDS))
            finally:
                with self.stage.system.hands:
                    old.env = env
                self.start_anew(_OLD)
            self.did("side by side")
