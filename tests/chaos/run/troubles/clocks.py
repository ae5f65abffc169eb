"""Clocks that jump: the database's, a worker's, beat's."""

from __future__ import annotations

import time
from collections import ChainMap
from contextlib import ExitStack
from pathlib import Path

from tests.chaos.run import database_clock
from tests.chaos.run.options import TIMEOUT_SECONDS
from tests.chaos.run.troubles.trouble import Stage, Trouble

LIBRARY = next(iter(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")), None)
_FAKED = {
    "LD_PRELOAD": str(LIBRARY),
    "FAKETIME_NO_CACHE": "1",
    "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    "FAKETIME_DONT_RESET": "1",
}
_HOUR = 3600.0
_POLL_SECONDS = 0.1
_AHEAD_SECONDS = (1.0, 3.0)
_SMALL_SECONDS = 2.0
_WORKER_SECONDS = (-90.0, 90.0)
_BEAT_BACK_SECONDS = 120.0


class Clocks(Trouble):
    """The database's on PostgreSQL, whose machine may be another; single processes where libfaketime is installed.

    The database's clock goes an hour ahead, and back, only while the third parties are well and nothing waits there to
    take effect: an hour that passes at once would make them break their word of how late a request may take effect.
    """

    kind = "clocks"
    pauses = (2.0, 6.0)

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        self._ways = []
        if stage.on_postgresql:
            self._ways += [self._database_ahead, self._database_a_little]
        if LIBRARY is not None:
            self._ways += [self._beat_back]
            if stage.on_postgresql:
                self._ways += [self._worker_off]

    def strike(self) -> None:
        if self._ways:
            self.chance.choice(self._ways)()

    def undo(self) -> None:
        if self.stage.system.postgres is not None:
            database_clock.put(self.stage.system.postgres, 0)
        for process in self.stage.system.process.values():
            if isinstance(process.env, ChainMap):
                process.env = self.stage.system.stack.env
                process.kill()

    def _database_ahead(self) -> None:
        system = self.stage.system
        with system.truce.kept():
            self.stage.soothe()
            if not self._is_quiet():
                return
            self._jump(_HOUR)
            with system.hands:
                system.process["worker"].kill()  # with the leases of an hour that is yet to come

    def _is_quiet(self) -> bool:
        """Wait until nothing that was asked before can still take effect."""
        self.stopped.wait(TIMEOUT_SECONDS)
        deadline = time.monotonic() + self.stage.options.window_seconds
        while not self.stopped.wait(_POLL_SECONDS) and time.monotonic() < deadline:
            with ExitStack() as opened:
                controls = [opened.enter_context(side.party.control()) for side in self.stage.sides.values()]
                if not any(control.stats()["late"]["pending"] for control in controls):
                    return True
        return False

    def _database_a_little(self) -> None:
        self._jump(self.chance.choice((-1, 1)) * self.chance.uniform(0.2, _SMALL_SECONDS))

    def _jump(self, seconds: float) -> None:
        postgres = self.stage.system.postgres
        assert postgres is not None
        since = time.time()
        database_clock.put(postgres, seconds)
        self.stopped.wait(self.chance.uniform(*_AHEAD_SECONDS))
        while True:
            try:
                database_clock.put(postgres, 0)
            except Exception:  # noqa: BLE001  # the server is down, and must not come back with the wrong time
                time.sleep(0.2)
            else:
                break
        self.stage.aloof.append((since, time.time()))
        self.did("database an hour ahead" if seconds == _HOUR else "database a little off")

    def _worker_off(self) -> None:
        self._start_with("worker-2", self.chance.uniform(*_WORKER_SECONDS))
        self.did("worker off")

    def _beat_back(self) -> None:
        """Set back while it runs, as a correction of a clock that was ahead."""
        self._start_with("beat", _BEAT_BACK_SECONDS)
        self.stopped.wait(4.0)
        self._write("beat", 0)
        self.did("beat set back")

    def _start_with(self, name: str, seconds: float) -> None:
        system = self.stage.system
        process = system.process[name]
        self._write(name, seconds)
        with system.hands:
            # What is deployed meanwhile reaches this process, too.
            process.env = ChainMap({**_FAKED, "FAKETIME_TIMESTAMP_FILE": str(self._file(name))}, system.stack.env)
            process.kill()
            process.start()

    def _write(self, name: str, seconds: float) -> None:
        beside = self._file(name).with_suffix(".new")
        beside.write_text(f"{seconds:+.3f}\n")
        beside.replace(self._file(name))

    def _file(self, name: str) -> Path:
        return self.stage.folder / f"{name}.clock"
