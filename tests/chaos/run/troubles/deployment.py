"""What those share who change what the system is told, and start it anew."""

from __future__ import annotations

from collections.abc import Collection

from tests.chaos.run.troubles.trouble import Trouble

PRODUCT = ("web", "worker", "worker-2", "beat")


class Deployment(Trouble):
    """Whoever deploys holds `Stage.deploying`: two at once would undo each other's."""

    def deploy(self, names: Collection[str]) -> None:
        """These targets are in use: the variable changes, then ``migrate``, then every process is started anew."""
        self.migrate_by(names)
        self.stage.system.stack.env["SYNC_TARGETS"] = ",".join(names)
        for process in self.chance.sample(PRODUCT, len(PRODUCT)):
            self.start_anew(process)

    def migrate_by(self, names: Collection[str], **env: str) -> None:
        """One ``migrate`` in an environment that names these targets."""
        self.manage("migrate", "--verbosity", "0", SYNC_TARGETS=",".join(names), **env)
        self.stage.system.roster.name(list(names))

    def start_anew(self, name: str) -> None:
        """Kill it, and start it with the environment as it is now."""
        system = self.stage.system
        with system.hands:
            system.process[name].kill()
            system.process[name].start()
