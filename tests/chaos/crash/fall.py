"""A whole worker is killed, asked to end or frozen while its children wait at their crash points."""

from __future__ import annotations

import os
import signal
import time

from tests.chaos.crash.order import Action
from tests.chaos.crash.stage import FROZEN_SECONDS, Stage


class Fall:
    """The fall of the first worker; the second takes over. ``over``: nothing is left to be done to it."""

    def __init__(self, stage: Stage, action: Action) -> None:
        self._stage = stage
        self._action = action
        self._worker = stage.worker("worker")
        self._fell_at = 0.0
        self.over = False

    def prepare(self) -> None:
        """Leave everything to the one that is to fall."""
        self._stage.worker("worker-2").terminate()

    def go_on(self) -> None:
        """To be called again and again once all children wait; ends what has begun when its time has come."""
        if not self._fell_at:
            self._fell_at = time.monotonic()
            self._begin()
        elif time.monotonic() > self._fell_at + FROZEN_SECONDS and not self.over:
            self._stage.orders.release()
            self._worker.thaw()
            self.over = True

    def _begin(self) -> None:
        match self._action:
            case Action.KILL_WORKER:
                self._worker.kill()
            case Action.TERMINATE_WORKER:
                os.killpg(self._worker.pid, signal.SIGTERM)
                self._stage.orders.release()
                self._worker.terminate()
            case _:
                self._worker.freeze()
                self._stage.worker("worker-2").start()
                return
        self.over = True
