"""Kills, freezes, wipes and lies, preferably while a request is in flight; and heals everything in the end."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

import requests

from syncproject.demo.process import Process
from tests.chaos.run.moods import Moods
from tests.chaos.run.options import TARGETS, Options
from tests.chaos.run.strikes import Strike, deck
from tests.chaos.run.system import System

_TICK_SECONDS = 0.1
_WATCHING_SECONDS = 0.02
_PATIENCE_SECONDS = 8.0
"""So long a strike waits for a request in flight. On a busy machine what was struck before takes its time to be back at work."""
_NEXT_START_SECONDS = 1.0
"""Something that ends as soon as it is started is not started again at once."""
_SPARED_SECONDS = 3.0
"""A worker that was frozen past its lease gets so long to act on its stale knowledge."""


@dataclass
class Record:
    """What was done. ``freezes``: (from, to) in unix seconds, of workers alone."""

    kills: Counter[str] = field(default_factory=Counter)
    freezes: Counter[str] = field(default_factory=Counter)
    in_flight_kills: Counter[str] = field(default_factory=Counter)
    moods: Counter[str] = field(default_factory=Counter)
    deaths: Counter[str] = field(default_factory=Counter)
    worker_freezes: list[tuple[float, float]] = field(default_factory=list)


class Adversary(threading.Thread):
    """Strikes every few seconds until told to stop; what it struck comes back a little later, in the background."""

    def __init__(self, options: Options, system: System, say: Callable[[str], None]) -> None:
        super().__init__(name="adversary", daemon=True)
        self.record = Record()
        self.stopped = threading.Event()
        self.failure: Exception | None = None
        self._system = system
        self._say = say
        self._chance = options.random("strikes")
        self._moods = {
            name: Moods(options, world, options.random("moods" if name == TARGETS[0] else f"moods of {name}"))
            for name, world in options.targets.items()
        }
        self._next_mood = dict.fromkeys(self._moods, 0.0)
        self._strikes = deck(options, system)
        self._left: list[Strike] = []
        self._control = {name: party.control() for name, party in system.third_parties.items()}
        self._down: dict[str, float] = {}
        self._frozen: dict[str, tuple[float, float]] = {}
        self._spared: dict[str, float] = {}

    def run(self) -> None:
        try:
            self._harass()
        except Exception as error:  # noqa: BLE001  # told by the thread that waits for us
            self.failure = error

    def heal(self, *, within_seconds: float = 60.0) -> None:
        """Start and mend everything; whatever lives goes on as it is. Call it once the thread has ended: nobody is frozen then.

        Raises `TimeoutError` when something does not come back.
        """
        self._down.clear()
        deadline = time.monotonic() + within_seconds
        while down := [name for name, one in self._system.process.items() if not (one.alive and one.ready(one))]:
            if time.monotonic() > deadline:
                break
            self.tend_all()
            time.sleep(_TICK_SECONDS)
        for control in self._control.values():
            with suppress(requests.RequestException):
                control.heal()
        if down:
            raise TimeoutError(f"not everything came back: {', '.join(down)}")

    def tend_all(self) -> None:
        """Start whatever ended by itself, as a supervisor would."""
        with self._system.hands:
            self.tend()

    def tend(self) -> None:
        """The same, with the system's hands."""
        now = time.monotonic()
        for name, process in self._system.process.items():
            if process.alive or self._down.get(name, 0.0) > now:
                continue
            if process.died:
                self.record.deaths[name] += 1
                (process.log.parent / f"{name}.died").open("a").write(process.log_tail(60) + "\n---\n")
            process.start()
            self._down[name] = now + _NEXT_START_SECONDS

    def _harass(self) -> None:
        next_strike = time.monotonic()
        while not self.stopped.wait(_WATCHING_SECONDS if time.monotonic() >= next_strike else _TICK_SECONDS):
            now = time.monotonic()
            with self._system.hands:
                for name, (since, until) in list(self._frozen.items()):
                    if now >= until:
                        self._thaw(name, since)
                self.tend()
                if self._system.truce.is_kept:
                    continue
                for target, moods in self._moods.items():
                    if now >= self._next_mood[target] and self._change_mood(target, moods):
                        self._next_mood[target] = now + self._chance.uniform(2.0, 4.5)
                if now < next_strike:
                    continue
                in_flight = self._in_flight()
                if in_flight or now >= next_strike + _PATIENCE_SECONDS:
                    self._strike(in_flight)
                    next_strike = time.monotonic() + self._chance.uniform(0.8, 2.6)
        # Others may still be about to finish, and wait for what somebody frozen has locked.
        with self._system.hands:
            for name, (since, _) in list(self._frozen.items()):
                self._thaw(name, since)

    def _change_mood(self, target: str, moods: Moods) -> bool:
        name, switches = moods.next()
        try:
            self._control[target].faults(**switches)
        except requests.RequestException:
            return False  # the sandbox is down; the next mood comes once it is back
        self.record.moods[name] += 1
        self._say(f"{target} is {name}")
        return True

    def _strike(self, in_flight: int) -> None:
        if not self._left:
            self._left = self._chance.sample(self._strikes, len(self._strikes))
        strike = self._left.pop()
        if not self._may(strike):
            return
        if not strike.freezes:
            self._count(strike.name, strike.kill(self._chance), in_flight)
        else:
            self._freeze(strike)
        if strike.stays_down:
            self._down[strike.process] = time.monotonic() + self._chance.uniform(0.1, 2.0)
        self._say(f"{strike.name}, with {in_flight} in flight")

    def _count(self, name: str, kills: int, in_flight: int) -> None:
        if kills:
            self.record.kills[name] += kills
        if kills and in_flight:
            self.record.in_flight_kills[name] += kills

    def _may(self, strike: Strike) -> bool:
        name = strike.process
        process: Process = self._system.process[name]
        return process.alive and name not in self._frozen and self._spared.get(name, 0.0) < time.monotonic()

    def _freeze(self, strike: Strike) -> None:
        now = time.monotonic()
        self._frozen[strike.process] = (now, now + self._chance.uniform(*strike.freezes))
        process = self._system.process[strike.process]
        process.freeze()
        while self._system.writes_are_blocked():
            # Frozen with SQLite's only write lock in its hand, it would merely stop the whole run.
            process.thaw()
            time.sleep(_TICK_SECONDS)
            process.freeze()
        self.record.freezes[strike.name] += 1
        if strike.process.startswith("sandbox"):
            # Frozen for longer than meant, it would break its own word; so nothing else is done meanwhile.
            time.sleep(self._chance.uniform(*strike.freezes))
            self._thaw(strike.process, now)

    def _thaw(self, name: str, since: float) -> None:
        self._system.process[name].thaw()
        del self._frozen[name]
        if name.startswith("worker"):
            lasted = time.monotonic() - since
            self.record.worker_freezes.append((time.time() - lasted, time.time()))
            self._spared[name] = time.monotonic() + _SPARED_SECONDS

    def _in_flight(self) -> int:
        """On how many requests the third parties are at work in this moment."""
        found = 0
        for control in self._control.values():
            with suppress(requests.RequestException):
                found += int(control.stats()["in_flight"])
        return found
