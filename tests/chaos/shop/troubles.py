"""What goes wrong: processes are killed, asked to end or frozen, the broker forgets, the ERP fails in every way that it can."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable

from syncproject.demo.process import Process
from tests.chaos.shop.stack import ShopStack

WORKERS = ("worker", "worker-2")
FAULTS = ("503", "cut", "apply_then_cut", "apply_then_500", "late_apply")
LATE_SECONDS = 2.0


class Troubles:
    """One trouble after the other, drawn by ``dice``. ``done``: how often each came. ``frozen_seconds``: past a lease."""

    def __init__(self, stack: ShopStack, dice: random.Random, *, frozen_seconds: float) -> None:
        self._stack = stack
        self._dice = dice
        self._frozen_seconds = frozen_seconds
        self._thaw_at: dict[str, float] = {}
        self.done: Counter[str] = Counter()
        self._kinds: dict[Callable[[], None], int] = {
            self._kill_a_worker: 5, self._end_a_worker: 2, self._freeze_a_worker: 2, self._kill_beat: 1,
            self._kill_the_broker: 1, self._aim: 6, self._shares: 2, self._heal: 4,
        }  # fmt: skip

    def strike(self) -> None:
        """Have one trouble, and have all run again that should."""
        self.supervise()
        strike = self._dice.choices(list(self._kinds), list(self._kinds.values()))[0]
        strike()
        self.done[strike.__name__.strip("_")] += 1

    def supervise(self) -> None:
        """Start again whatever is dead, and thaw who has been frozen for long enough."""
        for name, at in list(self._thaw_at.items()):
            if time.monotonic() > at:
                self._stack.process[name].thaw()
                del self._thaw_at[name]
        for name in ("broker", "beat", *WORKERS):
            process = self._stack.process.get(name)
            if process is not None and not process.alive:
                process.start()

    def end(self) -> None:
        """Nothing goes wrong any more."""
        self._stack.sandbox.heal()
        for name in list(self._thaw_at):
            self._thaw_at[name] = 0.0
        self.supervise()

    def _worker(self) -> Process:
        return self._stack.process[self._dice.choice(WORKERS)]

    def _kill_a_worker(self) -> None:
        self._worker().kill()

    def _end_a_worker(self) -> None:
        self._worker().terminate()

    def _freeze_a_worker(self) -> None:
        worker = self._worker()
        if worker.alive and worker.name not in self._thaw_at:
            worker.freeze()
            self._thaw_at[worker.name] = time.monotonic() + self._frozen_seconds

    def _kill_beat(self) -> None:
        self._stack.process["beat"].kill()

    def _kill_the_broker(self) -> None:
        """It keeps nothing: every message is gone."""
        if "broker" in self._stack.process:
            self._stack.process["broker"].kill()

    def _aim(self) -> None:
        self._stack.sandbox.aim(self._dice.choice(FAULTS), [], late_seconds=LATE_SECONDS)

    def _shares(self) -> None:
        self._stack.sandbox.fail(unavailable=0.2, broken=0.1, silent=0.1)

    def _heal(self) -> None:
        self._stack.sandbox.heal()
