"""An order: the first process that reaches this step for this record is to crash there. Files, so that it survives."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

_POLL_SECONDS = 0.02
_LONGEST_WAIT_SECONDS = 60.0


class Crash(Exception):
    """The failure of our own code that an order asked for."""


class Action(StrEnum):
    """What becomes of the process; the last three are done to the whole worker, by whoever gave the order."""

    KILL = "SIGKILL"
    TERMINATE = "SIGTERM"
    FREEZE = "SIGSTOP"
    RAISE = "exception"
    KILL_WORKER = "SIGKILL worker"
    TERMINATE_WORKER = "SIGTERM worker"
    FREEZE_WORKER = "SIGSTOP worker"

    @property
    def of_worker(self) -> bool:
        return self in (Action.KILL_WORKER, Action.TERMINATE_WORKER, Action.FREEZE_WORKER)

    @property
    def freezes(self) -> bool:
        return self in (Action.FREEZE, Action.FREEZE_WORKER)


@dataclass(frozen=True, slots=True)
class Order:
    """Crash in this way at this place of this phase; of the step that makes this ``call``, where one is named."""

    phase: str
    place: str
    action: Action
    call: str = ""

    def is_for(self, phase: str, place: str, call: str) -> bool:
        return (self.phase, self.place) == (phase, place) and self.call in ("", call)


@dataclass(frozen=True, slots=True)
class Hit:
    """Who carried an order out, and when in unix seconds."""

    pid: int
    at: float


class Orders:
    """The orders in a folder, by the key of the record. One process places them, many look for them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def clear(self) -> None:
        """Withdraw every order and forget every hit."""
        for path in self._folder.iterdir():
            path.unlink(missing_ok=True)

    def place(self, key: str, order: Order) -> None:
        self._write(f"{key}.order", json.dumps(asdict(order)))

    def withdraw(self) -> None:
        """Withdraw the orders that nobody has met: who met them from now on would be left alone with it."""
        for path in self._folder.glob("*.order"):
            path.unlink(missing_ok=True)

    def release(self) -> None:
        """Let those go on who wait to be treated together with their worker."""
        self._write("go", "")

    def hits(self) -> dict[str, Hit]:
        """Who has crashed so far, by key."""
        return {path.stem: Hit(**json.loads(path.read_text())) for path in self._folder.glob("*.hit")}

    def pending(self, phase: str, place: str) -> Iterator[str]:
        """The keys of the orders for this place that nobody has met yet."""
        for path in self._folder.glob("*.order"):
            order = self._read(path.stem)
            if order is not None and (order.phase, order.place) == (phase, place):
                yield path.stem

    def obey(self, key: str, phase: str, place: str, call: str = "") -> None:
        """Crash, if that is ordered for here and this process is the first. Raises `Crash` where that is the way."""
        order = self._read(key)
        if order is None or not order.is_for(phase, place, call):
            return
        try:
            (self._folder / f"{key}.order").rename(self._folder / f"{key}.taken")
        except FileNotFoundError:
            return  # somebody else was the first
        self._write(f"{key}.hit", json.dumps(asdict(Hit(os.getpid(), time.time()))))
        self._crash(order.action)

    def _crash(self, action: Action) -> None:
        match action:
            case Action.RAISE:
                raise Crash
            case Action.KILL | Action.TERMINATE | Action.FREEZE:
                os.kill(os.getpid(), signal.Signals[action])
            case _:
                deadline = time.monotonic() + _LONGEST_WAIT_SECONDS
                while not (self._folder / "go").exists() and time.monotonic() < deadline:
                    time.sleep(_POLL_SECONDS)

    def _read(self, key: str) -> Order | None:
        try:
            order = json.loads((self._folder / f"{key}.order").read_text())
        except FileNotFoundError:
            return None
        return Order(order["phase"], order["place"], Action(order["action"]), order["call"])

    def _write(self, name: str, text: str) -> None:
        draft = self._folder / f".{name}.{os.getpid()}"
        draft.write_text(text)
        draft.rename(self._folder / name)
