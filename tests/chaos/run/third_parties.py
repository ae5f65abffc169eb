"""The third parties of a run: each a sandbox of its own, with capabilities, secret and state of its own."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path

from syncproject.demo import parts
from syncproject.demo.ports import HOST, Port
from syncproject.demo.process import Process
from syncproject.demo.stack import ROOT, Stack
from tests.chaos.run.options import TARGETS, TIMEOUT_SECONDS, World
from thirdparty.sandbox.client import SandboxControl


@dataclass(frozen=True, slots=True)
class ThirdParty:
    """``name``: of the target and in settings. ``state``: the file that outlives the process."""

    name: str
    world: World
    process: Process
    control_url: str
    state: Path

    def control(self) -> SandboxControl:
        """A control for one thread."""
        return SandboxControl(self.control_url)


@dataclass(frozen=True)
class Place:
    """Where a third party beyond the stack's own is going to be."""

    name: str
    world: World
    folder: Path
    port: Port
    control: Port
    secret: str

    @property
    def settings(self) -> dict[str, str]:
        """What the application has to know of it, but for its durations."""
        prefix = f"TARGET_{self.name.upper()}_"
        return {
            f"{prefix}BASE_URL": f"http://{HOST}:{self.port.number}",
            f"{prefix}ALLOW_HTTP": "true",
            f"{prefix}APP_SECRET": self.secret,
            f"{prefix}DEFAULT_PASSWORD": secrets.token_urlsafe(12),
            f"{prefix}CAPABILITIES": ",".join(self.world.capabilities),
        }

    def started(self, env: dict[str, str]) -> ThirdParty:
        """The third party, ready."""
        options = ["--capabilities", ",".join(self.world.capabilities)]
        options += [] if self.world.unique_usernames else ["--shared-usernames"]
        state = self.folder / f"sandbox-{self.name}.jsonl"
        part = parts.sandbox(self.port, self.control, state=state, secret=self.secret, options=options)
        for port in part.ports:
            port.release()
        name = f"sandbox-{self.name}"
        log = self.folder / f"{name}.log"
        process = Process(name=name, command=part.command, log=log, env=env, cwd=ROOT, ready=part.ready)
        process.start()
        process.wait_ready()
        return ThirdParty(self.name, self.world, process, f"http://{HOST}:{self.control.number}", state)


def places(worlds: dict[str, World], folder: Path) -> list[Place]:
    """Of all third parties but the first, which the stack has."""
    return [
        Place(name, world, folder, Port(), Port(), secrets.token_hex(16))
        for name, world in worlds.items()
        if name != TARGETS[0]
    ]


def first(stack: Stack, world: World) -> ThirdParty:
    """The stack's own."""
    return ThirdParty(
        TARGETS[0], world, stack.process["sandbox"], stack.url("sandbox control"), stack.folder / "sandbox.jsonl"
    )


def durations(name: str, window_seconds: float) -> dict[str, str]:
    """How long a call to this target may take, and how late it may take effect."""
    prefix = f"TARGET_{name.upper()}_"
    return {
        f"{prefix}TIMEOUT_SECONDS": str(TIMEOUT_SECONDS),
        f"{prefix}VISIBILITY_SECONDS": str(window_seconds),
    }
