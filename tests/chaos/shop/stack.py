"""The shop's processes from this tree: broker, ERP, workers and beat, in a folder and on ports of their own.

As `syncproject.demo.stack.Stack`, for another project.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import requests

from syncproject.demo import parts
from syncproject.demo.ports import HOST, Port
from syncproject.demo.process import Process, ProcessError
from syncproject.demo.stack import FAST, ROOT
from tests.chaos.shop import TARGET

SHOP = ROOT / "examples" / "shop"
_OURS = ("CELERY_", "DATABASE_", "DJANGO_", "PYTHONPATH", "SYNC_", "TARGET_")


class ErpControl:
    """What may be asked of the ERP and done to it. Answers as `thirdparty.sandbox.client.SandboxControl` does."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._session = requests.Session()
        self._session.trust_env = False

    def aim(self, fault: str, external_ids: list[str], *, late_seconds: float) -> None:
        """From now on, writes of these records meet this fault; those of all records where none is named."""
        self._call("POST", "aim", {"fault": fault, "external_ids": external_ids, "late_seconds": late_seconds})

    def fail(self, **shares: float) -> None:
        """This share of all requests meets each of the ERP's own faults."""
        self._call("POST", "faults", shares)

    def heal(self) -> None:
        self._call("POST", "aim", {})
        self.fail()

    def content(self) -> dict[str, list[dict[str, Any]]]:
        return dict(self._call("GET", "content").json())

    def ledger(self) -> list[dict[str, Any]]:
        return list(self._call("GET", "notes").json())

    def stats(self) -> dict[str, Any]:
        return dict(self._call("GET", "stats").json())

    def close(self) -> None:
        self._session.close()

    def _call(self, method: str, what: str, body: Any = None) -> requests.Response:
        answer = self._session.request(method, f"{self._url}/_control/{what}", json=body, timeout=20)
        answer.raise_for_status()
        return answer


class ShopStack:
    """``settings``: environment of every process, over the fast ones. Nothing of it outlives this interpreter."""

    def __init__(
        self, folder: Path, *, database_url: str = "", broker_url: str = "", settings: Mapping[str, str], seed: int = 0
    ) -> None:
        self.folder = folder
        self._ports = {"broker": Port(), "erp": Port()}
        self._token = secrets.token_hex(8)
        self._seed = seed
        self.database_url = database_url or f"sqlite:///{folder.resolve() / 'shop.sqlite3'}"
        self.broker_url = broker_url or f"redis://{HOST}:{self._ports['broker'].number}/0"
        erp_url = f"http://{HOST}:{self._ports['erp'].number}"
        self.env = {
            **{name: value for name, value in os.environ.items() if not name.startswith(_OURS)},
            "PYTHONPATH": f"{ROOT}{os.pathsep}{SHOP}",
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "DATABASE_URL": self.database_url,
            "CELERY_BROKER_URL": self.broker_url,
            "SYNC_TARGETS": TARGET,
            "TARGET_ERP_CONNECTOR": "shop.erp.Erp",
            "TARGET_ERP_BASE_URL": erp_url,
            "TARGET_ERP_TOKEN": self._token,
            "TARGET_ERP_ALLOW_HTTP": "true",
            **{name.replace("PARTNER", "ERP"): value for name, value in FAST.items()},
            **settings,
        }
        self.process: dict[str, Process] = {}
        self.sandbox = ErpControl(erp_url)
        self._migrated = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.sandbox.close()
        for process in self.process.values():
            process.kill()
        for port in self._ports.values():
            port.release()

    def add_worker(self, name: str, *, application: str = "config", concurrency: int) -> None:
        """A worker under this name, not started. ``application``: the module of Celery's."""
        part = parts.worker(name, concurrency=concurrency)
        command = [application if word == "syncproject" else word for word in part.command]
        self.process[name] = self._process(name, command, ready=part.ready)

    def start(self, *names: str) -> None:
        """``broker``, ``erp`` (or ``sandbox``, as others call their third party), ``beat``, or a worker that was added."""
        for name in names:
            self._launch("erp" if name == "sandbox" else name)
        for name in names:
            self.process["erp" if name == "sandbox" else name].wait_ready()

    def require_alive(self) -> None:
        """Raises `ProcessError` where a process died by itself."""
        for process in self.process.values():
            if process.died:
                process.require_alive()

    def manage(self, *arguments: str) -> str:
        """What ``manage.py`` printed. Raises `ProcessError` where it fails."""
        command = [sys.executable, str(SHOP / "manage.py"), *arguments]
        ended = subprocess.run(command, cwd=ROOT, env=self.env, capture_output=True, text=True, check=False)
        if ended.returncode:
            raise ProcessError(f"manage.py {arguments[0]}", f"failed ({ended.returncode})", ended.stderr.strip())
        return ended.stdout.strip()

    def run(self, name: str, module: str, *arguments: str, **env: str) -> Process:
        """A module of the tests in the shop's environment, not started."""
        return self._process(name, [sys.executable, "-m", module, *arguments], env=env)

    def _launch(self, name: str) -> None:
        if name not in ("broker", "erp") and not self._migrated:
            self.manage("migrate", "--verbosity", "0")
            self._migrated = True
        if name not in self.process:
            self.process[name] = self._part(name)
        if name in self._ports:
            self._ports[name].release()
        self.process[name].start()

    def _part(self, name: str) -> Process:
        if name == "broker":
            part = parts.broker(self._ports["broker"], folder=self.folder, server=None)
            return self._process(name, part.command, ready=part.ready)
        if name == "erp":
            port = str(self._ports["erp"].number)
            options = ["--port", port, "--token", self._token, "--seed", str(self._seed)]
            command = [sys.executable, "-m", "tests.chaos.shop.erp", *options]
            return self._process(name, command, ready=lambda process: "listens" in process.output())
        part = parts.beat(schedule=self.folder / "beat-schedule")
        command = ["config" if word == "syncproject" else word for word in part.command]
        return self._process(name, command, ready=part.ready)

    def _process(
        self, name: str, command: Any, *, ready: Any = lambda _: True, env: Mapping[str, str] | None = None
    ) -> Process:
        log = self.folder / f"{name}.log"
        return Process(name=name, command=command, log=log, env={**self.env, **(env or {})}, cwd=ROOT, ready=ready)
