"""A listening port that can be closed and opened again without another process getting hold of it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

_BACKLOG = 1024


class Listener:
    """Bound from the start, so that a closed port refuses connections and stays ours.

    ``port`` 0 picks a free one. Raises `OSError` when the port is taken.
    """

    def __init__(self, host: str, port: int, connect: Callable[[], asyncio.Protocol]) -> None:
        self._connect = connect
        self._socket = _bind(host, port)
        self._host = host
        self.port: int = self._socket.getsockname()[1]
        self._server: asyncio.Server | None = None
        self._changing = asyncio.Lock()

    @property
    def url(self) -> str:
        """Where clients reach it."""
        return f"http://{f'[{self._host}]' if ':' in self._host else self._host}:{self.port}"

    async def set_open(self, *, wanted: bool) -> None:
        """Accept connections from now on, or refuse them; those that exist stay."""
        async with self._changing:
            if wanted and self._server is None:
                loop = asyncio.get_running_loop()
                self._server = await loop.create_server(self._connect, sock=self._socket, backlog=_BACKLOG)
            elif not wanted and self._server is not None:
                self._server.close()
                self._server = None
                self._socket = _bind(self._host, self.port)

    async def close(self) -> None:
        """Give the port back."""
        await self.set_open(wanted=False)
        self._socket.close()


def _bind(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    bound = socket.socket(family, kind, protocol)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind(address)
    except OSError:
        bound.close()
        raise
    return bound
