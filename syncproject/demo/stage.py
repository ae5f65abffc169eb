"""Makes things happen at the same time and waits for them, the states of the records in view."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self, TypeVar

from syncproject.demo.api import Api
from syncproject.demo.screen import Screen
from syncproject.demo.stack import Stack

T = TypeVar("T")

_CALLERS = 3
_LOOK_SECONDS = 0.25
_PATIENCE_SECONDS = 90.0
_OWED = ("pending", "in_flight", "unknown", "parked", "held")


class LateError(RuntimeError):
    """Something that the story waits for did not come about in time; the message says what."""


class Stage:
    """A running stack, its API and the screen. Every wait raises `ProcessError` when a part dies meanwhile.

    ``supervised``: parts that are started again instead, as a service manager does in production.
    """

    def __init__(self, stack: Stack, api: Api, screen: Screen) -> None:
        self.stack = stack
        self.api = api
        self.screen = screen
        self.supervised: frozenset[str] = frozenset()
        self._callers = ThreadPoolExecutor(_CALLERS)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._callers.shutdown(wait=False, cancel_futures=True)

    def begin(self, calls: Iterable[Callable[[], T]]) -> list[Future[T]]:
        """Make the calls, a few at a time and in this order, without waiting for them."""
        return [self._callers.submit(call) for call in calls]

    def finish(self, begun: Iterable[Future[T]]) -> list[T]:
        """What the calls returned, once all have; raises what they raised."""
        futures = list(begun)
        self.until(lambda: all(future.done() for future in futures), "the calls to return")
        return [future.result() for future in futures]

    def until(self, condition: Callable[[], bool], awaited: str) -> None:
        """Wait until it holds. Raises `LateError` when it takes too long."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not condition():
            if time.monotonic() > deadline:
                raise LateError(f"waited {_PATIENCE_SECONDS:g} s in vain for {awaited}")
            self._look()

    def until_settled(self) -> None:
        """Wait until nothing is owed to the third party any more."""
        self.until(lambda: not any(self.api.states()[state] for state in _OWED), "every record to be in sync")
        self._look()

    def pause(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self._look()

    def _look(self) -> None:
        for name, process in self.stack.process.items():
            if process.died and name in self.supervised:
                self.screen.say(f"the {name} died; its service manager would start it again, so do we")
                process.start()
        self.stack.require_alive()
        self.screen.states(self.api.states())
        time.sleep(_LOOK_SECONDS)
