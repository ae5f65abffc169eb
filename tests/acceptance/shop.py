"""The example project `examples/shop` and its ERP, as processes of their own."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import requests

from syncproject.demo.ports import HOST, Port
from syncproject.demo.process import Process, ProcessError

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "examples" / "shop"
_OURS = ("CELERY_", "DATABASE_", "DJANGO_", "PYTHONPATH", "SYNC_", "TARGET_")


class Erp:
    """The ERP server, and what may be asked of it."""

    def __init__(self, folder: Path) -> None:
        self.token = secrets.token_hex(8)
        self._port = Port()
        self.url = f"http://{HOST}:{self._port.number}"
        command = [sys.executable, "-m", "erp", "--port", str(self._port.number), "--token", self.token]
        self.process = Process(
            name="erp", command=command, log=folder / "erp.log", cwd=FOLDER, ready=lambda p: "listens" in p.output()
        )
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers["Authorization"] = f"Bearer {self.token}"

    def start(self) -> None:
        self._port.release()
        self.process.start()
        self.process.wait_ready()

    def stop(self) -> None:
        self._session.close()
        self.process.kill()
        self._port.release()

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        return self._session.request(method, self.url + path, timeout=10, **options)

    def content(self) -> dict[str, list[dict[str, Any]]]:
        return dict(self.call("GET", "/_control/content").json())

    def ledger(self) -> list[dict[str, Any]]:
        return list(self.call("GET", "/_control/ledger").json())

    def fail(self, **shares: float) -> None:
        """From now on this share of requests meets each of these faults; none without arguments."""
        assert self.call("POST", "/_control/faults", json=shares).ok


class Project:
    """The shop's own commands, with a database, an environment and the Python of ``python``."""

    def __init__(self, folder: Path, *, python: Path, database_url: str = "", **settings: str) -> None:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
        self.python = str(python)
        self.env: Mapping[str, str] = {
            **inherited,
            "DATABASE_URL": database_url or f"sqlite:///{folder / 'shop.sqlite3'}",
            **settings,
        }

    def manage(self, *arguments: str) -> str:
        """What ``manage.py`` printed. Raises `ProcessError` where it fails."""
        command = [self.python, "manage.py", *arguments]
        ended = subprocess.run(command, cwd=FOLDER, env=self.env, capture_output=True, text=True, check=False)
        if ended.returncode:
            raise ProcessError(f"manage.py {arguments[0]}", f"failed ({ended.returncode})", ended.stderr.strip())
        return ended.stdout.strip()

    def shell(self, code: str) -> Any:
        """Run this in the shop's shell and return what it put, as JSON, into its last line."""
        printed = self.manage("shell", "--verbosity", "0", "--command", code)
        return json.loads(printed.splitlines()[-1]) if printed else None
