"""Starts, kills and restarts a sandbox as a process of its own: for tests, demonstrations and chaos runs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from thirdparty.sandbox.client import SandboxControl

_ROOT = Path(__file__).parents[2]
_READY = re.compile(r"sandbox listening on (?P<url>\S+)(?: \(control on (?P<control>\S+)\))?")
_STOP_SECONDS = 10.0


class SandboxProcess:
    """A running sandbox, started with these command line options and, unless they say otherwise, on a free port.

    As a context manager it is stopped at the end. Raises `RuntimeError` when it does not start.
    """

    def __init__(self, *options: str) -> None:
        self._options = ("--port", "0", *options)
        self._start()
        self.control = SandboxControl(self.control_url)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.stop()

    def kill(self) -> None:
        """End it with SIGKILL, as a crash would."""
        self._process.kill()
        self._end()

    def restart(self) -> None:
        """Start it again on the same ports after `kill`."""
        self._start()

    def stop(self) -> int:
        """End it with SIGTERM, if it still runs, and return its exit code."""
        self.control.close()
        self._process.terminate()
        return self._end()

    def _start(self) -> None:
        command = [sys.executable, "-m", "thirdparty.sandbox", *self._options]
        self._process = subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.PIPE, text=True)  # noqa: S603 - ours
        assert self._process.stdout  # noqa: S101 - for the type checker: it is a pipe
        ready = _READY.match(self._process.stdout.readline())
        if not ready:
            raise RuntimeError(f"the sandbox did not start and ended with {self._end()}; its reason is on stderr")
        self.url = ready["url"]
        self.control_url = ready["control"] or self.url
        self._options = (*self._options, "--port", self.url.rpartition(":")[2])
        if ready["control"]:
            self._options = (*self._options, "--control-port", self.control_url.rpartition(":")[2])

    def _end(self) -> int:
        with self._process as process:
            return process.wait(_STOP_SECONDS)
