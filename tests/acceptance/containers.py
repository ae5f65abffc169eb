"""pytest-celery's containers as plain local processes: the same tests, and no Docker."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from pytest_celery import CeleryTestContainer

from syncproject.demo.process import Process
from thirdparty.settings import settings as engine


class LocalContainer(CeleryTestContainer):
    """A process in the clothes of a container; what has no meaning without Docker is left out."""

    def __init__(self, process: Process | None, name: str, url: str) -> None:
        self._process = process
        self._name = name
        self._url = url

    @property
    def name(self) -> str:
        return self._name

    @property
    def id(self) -> str:
        return self._name

    @property
    def status(self) -> str:
        return "running" if self._process is None or self._process.alive else "exited"

    @property
    def celeryconfig(self) -> dict[str, Any]:
        return {"url": self._url, "host_url": self._url}

    @property
    def ready_prompt(self) -> str | None:
        return None

    def reload(self) -> None:
        """A process has no state that could be stale."""

    def ready(self) -> bool:
        return self.status == "running"

    def logs(self) -> str:
        return "" if self._process is None else self._process.output()

    def kill(self, signal: str | int = "SIGKILL") -> None:
        assert self._process is not None, f"{self._name} was not started here: it is not ours to kill"
        if signal == "SIGKILL":
            self._process.kill()
        else:
            self._process.terminate()

    def restart(self, timeout: int = 60) -> None:
        assert self._process is not None, f"{self._name} was not started here: it is not ours to restart"
        self._process.restart(within_seconds=timeout)

    def teardown(self) -> None:
        if self._process is not None:
            self._process.kill()


class LocalWorker(LocalContainer):
    """A Celery worker process."""

    def version(self) -> str:
        return version("celery")

    def log_level(self) -> str:
        return "INFO"

    def worker_name(self) -> str:
        return self._name

    def worker_queue(self) -> str:
        return engine.SYNC_QUEUE
