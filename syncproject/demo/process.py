"""One child process of the local stack: started, killed, frozen and restarted, and never left behind."""

from __future__ import annotations

import atexit
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from syncproject.demo import leash

_POLL_SECONDS = 0.05


class ProcessError(RuntimeError):
    """A process died by itself or did not become ready; ``log_tail`` says what it said last."""

    def __init__(self, name: str, why: str, log_tail: str) -> None:
        super().__init__(name, why, log_tail)
        self.name = name
        self.why = why
        self.log_tail = log_tail

    def __str__(self) -> str:
        return f"{self.name} {self.why}; the end of its log:\n{self.log_tail}"


@dataclass(kw_only=True, eq=False)
class Process:
    """A command in a process group of its own, so that every signal reaches its children too.

    ``log``: gets stdout and stderr, appended. ``env``: None gives this interpreter's. ``ready``: asked
    again and again after a start until it answers True.
    Whatever becomes of this interpreter, the group does not outlive it.
    """

    name: str
    command: Sequence[str]
    log: Path
    env: Mapping[str, str] | None = None
    cwd: Path | None = None
    ready: Callable[[Process], bool] = lambda _: True
    _popen: subprocess.Popen[bytes] | None = field(default=None, init=False)
    _log_start: int = field(default=0, init=False)

    @property
    def pid(self) -> int:
        """The process id, which is the group's too. Raises `RuntimeError` where it is not running."""
        if self._popen is None or not self.alive:
            raise RuntimeError(f"{self.name} is not running")
        return self._popen.pid

    @property
    def alive(self) -> bool:
        """Whether it runs (or is frozen). What a dead one left of its group is killed."""
        if self._popen is None or self._popen.returncode is not None:
            return False
        if self._popen.poll() is None:
            return True
        self._let_go(self._popen.pid)
        return False

    @property
    def died(self) -> bool:
        """Whether it ended by itself, neither killed nor terminated here."""
        return self._popen is not None and not self.alive

    def start(self) -> None:
        """Start it and return at once. Raises `RuntimeError` where it runs already."""
        if self.alive:
            raise RuntimeError(f"{self.name} runs already")
        held = _leash(os.getpid())
        with self.log.open("ab") as log:
            self._log_start = log.tell()
            self._popen = subprocess.Popen(
                self.command,
                env=self.env,
                cwd=self.cwd,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=held.hold_me,  # noqa: PLW1509  # a single write
            )

    def wait_ready(self, *, within_seconds: float = 60.0) -> None:
        """Return once it is ready. Raises `ProcessError` when it dies before, or takes too long."""
        deadline = time.monotonic() + within_seconds
        while True:
            self.require_alive()
            if self.ready(self):
                return
            if time.monotonic() > deadline:
                raise ProcessError(self.name, f"was not ready within {within_seconds:g} s", self.log_tail())
            time.sleep(_POLL_SECONDS)

    def require_alive(self) -> None:
        """Raises `ProcessError` where it does not run."""
        if self._popen is None:
            raise ProcessError(self.name, "was not started", "")
        if not self.alive:
            raise ProcessError(self.name, f"is dead (exit code {self._popen.returncode})", self.log_tail())

    def restart(self, *, within_seconds: float = 60.0) -> None:
        """Kill it if it runs, start it and wait until it is ready. Raises `ProcessError`."""
        self.kill()
        self.start()
        self.wait_ready(within_seconds=within_seconds)

    def kill(self) -> None:
        """SIGKILL to the whole group, frozen or not; nothing where it does not run."""
        if self._popen is not None and self.alive:
            self._signal(signal.SIGKILL)
            self._popen.wait()
            self._let_go(self._popen.pid)
        self._popen = None

    def terminate(self, *, within_seconds: float = 15.0) -> None:
        """Ask it to end (SIGTERM to the leader, who knows its children), then kill what is left."""
        if self._popen is not None and self.alive:
            self.thaw()
            self._popen.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._popen.wait(within_seconds)
            if self._popen.returncode is not None:
                self._let_go(self._popen.pid)
        self.kill()

    def freeze(self) -> None:
        """Stop the whole group without ending it; its sockets stay open and answer nothing."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen group go on."""
        self._signal(signal.SIGCONT)

    def output(self) -> str:
        """Everything it has written since its last start."""
        if not self.log.exists():
            return ""
        with self.log.open("rb") as log:
            log.seek(self._log_start)
            return log.read().decode(errors="replace")

    def log_tail(self, lines: int = 20) -> str:
        """The last lines it has written since its last start."""
        return "\n".join(self.output().splitlines()[-lines:])

    def _signal(self, number: signal.Signals) -> None:
        if self._popen is not None and self.alive:
            with suppress(ProcessLookupError):
                os.killpg(self._popen.pid, number)

    def _let_go(self, group: int) -> None:
        # At once after the leader was reaped, before anybody else can get its number.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)
        _leash(os.getpid()).let_go(group)


class _Leash:
    """This interpreter's `leash`, told of every group that is to go when the interpreter goes."""

    def __init__(self) -> None:
        reading, self._writing = os.pipe()
        self._process = subprocess.Popen(
            [sys.executable, "-I", leash.__file__],
            stdin=reading,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        os.close(reading)
        atexit.register(self._end)

    def _end(self) -> None:
        os.close(self._writing)
        self._process.wait()

    def hold_me(self) -> None:
        """Called in the child, so that it is held even if the parent dies or is interrupted meanwhile."""
        os.write(self._writing, b"+%d\n" % os.getpid())

    def let_go(self, group: int) -> None:
        os.write(self._writing, b"-%d\n" % group)


@cache
def _leash(_pid: int) -> _Leash:
    """One for each interpreter; a fork gets its own."""
    return _Leash()
