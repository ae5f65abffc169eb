"""A broker of one test: a real one, one that never says a word, and what is queued."""

from __future__ import annotations

import base64
import json
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from celery.app.trace import trace_task

from syncproject.celery import app
from syncproject.demo import parts
from syncproject.demo.ports import Port
from syncproject.demo.process import Process
from thirdparty import tasks
from thirdparty.notify import broker as broker_module
from thirdparty.notify.hint_totals import HintTotals
from thirdparty.settings import settings as engine


def _another_publisher() -> None:
    """The one until now may look for its broker for ever, but what it has counted is stored in no test that comes later."""
    broker_module.publisher().totals = HintTotals()
    broker_module._publisher.cache_clear()


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Point a new publisher at a broker."""

    def point(url: str) -> None:
        # What earlier tests put off would be published here.
        for thread in threading.enumerate():
            if isinstance(thread, threading.Timer):
                thread.cancel()
                thread.join()
        monkeypatch.setitem(app.conf, "broker_write_url", url)
        _another_publisher()

    yield point
    _another_publisher()


@pytest.fixture
def broker(tmp_path: Path, use: Callable[[str], None]) -> Iterator[Process]:
    port = Port()
    part = parts.broker(port, folder=tmp_path, server=None)
    process = Process(name="broker", command=part.command, log=tmp_path / "log", ready=part.ready)
    port.release()
    process.start()
    process.wait_ready()
    use(f"redis://127.0.0.1:{port.number}/0")
    yield process
    process.kill()


@pytest.fixture
def black_hole() -> Iterator[int]:
    """A server that takes connections and never says a word, as a frozen broker does."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def queued(broker: Process) -> list[dict[str, Any]]:
    port = int(broker.command[broker.command.index("--port") + 1])
    with redis.Redis("127.0.0.1", port) as client:
        return [json.loads(message) for message in client.lrange(engine.SYNC_QUEUE, 0, -1)]


def body(message: dict[str, Any]) -> Any:
    return json.loads(base64.b64decode(message["body"]))[0]


def work(message: dict[str, Any]) -> None:
    """Run a message as a worker does that has taken it."""
    headers, arguments = message["headers"], body(message)
    request = {**headers, "args": arguments, "delivery_info": {}, "hostname": "here"}
    trace_task(tasks.push_record, headers["id"], arguments, {}, request=request, app=app)


def arguments(broker: Process) -> list[Any]:
    return [body(message) for message in queued(broker)]
