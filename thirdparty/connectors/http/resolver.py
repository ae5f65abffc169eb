"""Looks names up within a time of ours. The C library has no limit that a caller could set."""

from __future__ import annotations

import os
import socket
from concurrent.futures import Future
from threading import Thread
from typing import Any

Addresses = list[tuple[Any, ...]]
"""As `socket.getaddrinfo` gives them."""

_running: dict[tuple[str, int], Future[Addresses]] = {}
"""Look-ups under way in this process. Whoever needs one that is joins it, so that a dead resolver costs one thread a name."""
if hasattr(os, "register_at_fork"):  # where processes fork at all
    os.register_at_fork(after_in_child=_running.clear)


def addresses(host: str, port: int, *, within_seconds: float) -> Addresses:
    """Where this host is. Raises `socket.gaierror`, also where no answer comes in time."""
    try:
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except UnicodeError:
        raise socket.gaierror(socket.EAI_NONAME, "this can be no name") from None
    except socket.gaierror:
        pass  # a name, not a number
    mine: Future[Addresses] = Future()
    found = _running.setdefault((host, port), mine)
    if found is mine:
        _begin(host, port, mine)
    try:
        return found.result(within_seconds)
    except TimeoutError:
        raise socket.gaierror(socket.EAI_AGAIN, "no answer about the name in time") from None


def _begin(host: str, port: int, answer: Future[Addresses]) -> None:
    try:
        Thread(target=_look_up, args=(host, port, answer), name="resolver", daemon=True).start()
    except RuntimeError:  # no more threads: the next call tries anew
        del _running[host, port]
        answer.set_exception(socket.gaierror(socket.EAI_AGAIN, "the name cannot be looked up at present"))


def _look_up(host: str, port: int, answer: Future[Addresses]) -> None:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except Exception as error:  # noqa: BLE001  # whatever it is, somebody waits for it
        del _running[host, port]
        answer.set_exception(error)
    else:
        del _running[host, port]
        answer.set_result(found)
