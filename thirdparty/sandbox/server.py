"""The HTTP server: who listens where, and which requests go to whom."""

from __future__ import annotations

import asyncio
import hashlib
import random
import signal
from dataclasses import dataclass, field
from pathlib import Path

from thirdparty.sandbox.connection import Connection
from thirdparty.sandbox.control import PREFIX, Control, Hooks
from thirdparty.sandbox.exchange import Exchange
from thirdparty.sandbox.journal import Journal
from thirdparty.sandbox.listener import Listener
from thirdparty.sandbox.store import Rules
from thirdparty.sandbox.wire import Request
from thirdparty.sandbox.world import World

DEFAULT_SECRET = "sandbox-secret"  # noqa: S105 - what a test machine's clients are configured with


@dataclass(frozen=True, slots=True)
class Options:
    """How to start. Port 0 picks a free one.

    ``control_port``: a port for control calls alone, which stays open while the business port refuses; None for
    control calls on the business port only. ``state``: the file that outlives the process; None keeps all in memory.
    """

    port: int
    host: str = "127.0.0.1"
    control_port: int | None = None
    state: Path | None = None
    secret: str = field(default=DEFAULT_SECRET, repr=False)
    rules: Rules = field(default_factory=Rules)


class Server:
    """One sandbox. Everything happens on one event loop, one callback at a time.

    Raises `JournalError` and `OSError` when the state file or a port cannot be used.
    """

    def __init__(self, options: Options) -> None:
        self._connections: set[Connection] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._journal = Journal(options.state)
        self._world = World(self._journal, options.rules)
        token = hashlib.md5(options.secret.encode(), usedforsecurity=False).hexdigest()
        self._exchange = Exchange(self._world, token)
        self._control = Control(self._world, Hooks(self._in_flight, self._switched, self._drop))
        self._business_port = Listener(options.host, options.port, lambda: Connection(self))
        self._control_port: Listener | None = None
        if options.control_port is not None:
            self._control_port = Listener(
                options.host, options.control_port, lambda: Connection(self, control_only=True)
            )

    async def run(self) -> None:
        """Serve until SIGTERM or SIGINT; one line on standard output says where, as soon as that is possible."""
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        self._exchange.resume()
        await self._follow_switches()
        ready = f"sandbox listening on {self._business_port.url}"
        if self._control_port:
            await self._control_port.set_open(wanted=True)
            ready += f" (control on {self._control_port.url})"
        print(ready, flush=True)  # noqa: T201 - the promised line
        await stop.wait()
        await self._close()

    def opened(self, connection: Connection) -> None:
        """Take a connection on, or refuse it.

        Without a control port the refusal waits for the first request: it might be a control call.
        """
        self._connections.add(connection)
        if connection.control_only:
            return
        connection.refused = random.random() < self._refusal_rate()  # noqa: S311 - no secret
        if connection.refused and self._control_port:
            connection.reset()

    def closed(self, connection: Connection) -> None:
        """Forget a connection."""
        self._connections.discard(connection)

    def serve(self, connection: Connection, request: Request) -> None:
        """Send a request where it belongs."""
        connection.in_business = not (connection.control_only or request.path.startswith(PREFIX))
        if not connection.in_business:
            self._serve_control(connection, request)
        elif connection.refused:
            connection.reset()
        else:
            self._exchange.receive(connection, request)

    def _serve_control(self, connection: Connection, request: Request) -> None:
        """Answer once what the call switched is so."""
        answer = self._control.answer(request)

        async def send() -> None:
            await self._follow_switches()
            connection.send(answer)

        task = asyncio.get_running_loop().create_task(send())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _refusal_rate(self) -> float:
        return self._world.faults.rates.get("refuse", 0.0)

    async def _follow_switches(self) -> None:
        closed = self._control_port is not None and self._refusal_rate() == 1
        await self._business_port.set_open(wanted=not closed)

    def _switched(self) -> None:
        refusing = self._refusal_rate() > 0
        for connection in list(self._connections):
            if not refusing:
                connection.refused = False
            elif not connection.control_only:
                connection.retire()

    def _in_flight(self) -> int:
        return sum(connection.busy and connection.in_business for connection in self._connections)

    def _drop(self) -> None:
        self._exchange.forget()
        for connection in list(self._connections):
            if connection.busy and connection.in_business:
                connection.reset()

    async def _close(self) -> None:
        await self._business_port.close()
        if self._control_port:
            await self._control_port.close()
        self._exchange.forget()
        for connection in list(self._connections):
            connection.reset()
        self._journal.close()


def run(options: Options) -> None:
    """Run a sandbox until it is told to stop."""
    asyncio.run(Server(options).run())
