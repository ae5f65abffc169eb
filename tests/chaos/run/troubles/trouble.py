"""What all kinds of trouble share."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from django.db import Error, connection

from syncproject.demo.process import ProcessError
from tests.chaos.run.clients import Account
from tests.chaos.run.gate import Gate
from tests.chaos.run.options import Options
from tests.chaos.run.population import Population
from tests.chaos.run.side import Sides
from tests.chaos.run.system import System
from tests.chaos.run.tally import Tally

_TRIES = 4
_PAUSE_SECONDS = 1.0
_TRUCE_POLL_SECONDS = 0.1


@dataclass(frozen=True)
class Stage:
    """Where the actors act. ``done``: what was done how often, by the kind of trouble. ``aloof``: intervals of unix
    seconds in which a lease could be lost without any fault of the product's. ``candidates``: addresses that strict writes
    bore, which targets are asked to take before anybody has them here; and the uuids of whom they were to take away. ``deploying``: held by whoever changes which targets
    are named, or what version of the mapping is in use.
    """

    options: Options
    system: System
    sides: Sides
    population: Population
    tally: Tally
    gate: Gate
    account: Account
    folder: Path
    say: Callable[[str], None]
    aloof: list[tuple[float, float]]
    candidates: set[str] = field(default_factory=set)
    deploying: threading.Lock = field(default_factory=threading.Lock)
    done: Mapping[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))

    @property
    def on_postgresql(self) -> bool:
        return self.system.postgres is not None

    def soothe(self) -> None:
        """Every third party is well, and stays so during a truce."""
        with self.system.hands:
            for side in self.sides.values():
                with side.party.control() as control:
                    control.heal()


class Trouble(threading.Thread):
    """Strikes again and again until told to stop, with pauses of so many seconds, from and to."""

    kind: str
    pauses: tuple[float, float] = (1.0, 3.0)
    keeps_truce = True

    def __init__(self, stage: Stage) -> None:
        super().__init__(name=self.kind, daemon=True)
        self.stopped = threading.Event()
        self.stage = stage
        self.chance = stage.options.random(self.kind)

    def strike(self) -> None:
        """Do something once. What it raises is counted, since database and web are killed on purpose."""
        raise NotImplementedError

    def undo(self) -> None:
        """Leave nothing as it is not meant to stay. Called when the thread is over and all processes run."""

    def act_last(self) -> None:
        """Act once more when all is undone and everything is well."""

    def end(self) -> None:
        """`undo`, of which what fails is said: the run is judged all the same."""
        try:
            self.undo()
        except ProcessError as failure:
            self.stage.say(f"{self.kind} cannot be undone: {failure}")

    def end_last(self) -> None:
        """`act_last`, in the same way."""
        try:
            self.act_last()
        except ProcessError as failure:
            self.stage.say(f"{self.kind} cannot act once more: {failure}")

    def run(self) -> None:
        while not self.stopped.wait(self.chance.uniform(*self.pauses)):
            while self.keeps_truce and self.stage.system.truce.is_kept and not self.stopped.wait(_TRUCE_POLL_SECONDS):
                pass
            try:
                self.strike()
            except Exception as error:  # noqa: BLE001  # whatever is killed meanwhile, the run goes on
                self.stage.tally.failed(self.kind, error)
            with suppress(Error):
                connection.close()
        connection.close()

    def did(self, what: str) -> None:
        self.stage.done[self.kind][what] += 1

    def complain(self, invariant: str, sentence: str) -> None:
        self.stage.tally.complain(invariant, sentence)

    def manage(self, *arguments: str, over: Callable[[], bool] | None = None, **env: str) -> str:
        """A command of an operator, who tries again when something was down. I14: it succeeds in the end.

        ``over``: whether it has nothing left to do. One that was killed once its work was done cannot do it twice.
        """
        for left in reversed(range(_TRIES)):
            try:
                return self.stage.system.stack.manage(*arguments, **env)
            except ProcessError as failure:
                if over is not None and over():
                    return ""
                said = (failure.log_tail.splitlines() or ["nothing"])[-1]
                if not left:
                    self.complain("I14", f"manage.py {' '.join(arguments)}: {said[:300]}")
                    raise
            self.stopped.wait(_PAUSE_SECONDS)
        raise AssertionError
