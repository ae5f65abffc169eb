"""Several brokers: the publisher turns to the next one, as worker and beat do; Sentinel is asked for its master."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import redis
from django.core.management import call_command

from syncproject.celery import app
from syncproject.demo import parts
from syncproject.demo.ports import Port
from syncproject.demo.process import Process
from tests.integration.conftest import row_of
from tests.integration.own_broker import arguments
from thirdparty.checks.of_settings import celery_application
from thirdparty.notify import broker as broker_module
from thirdparty.observe.reasons import reasons
from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)


def address(broker: Process) -> str:
    return f"redis://127.0.0.1:{broker.command[broker.command.index('--port') + 1]}/0"


def key_of(user: User) -> list[Any]:
    return ["partner", f"partner:users.user:{user.uuid.hex}", None]


def test_the_second_takes_the_hint_where_the_first_refuses(broker: Process, use: Callable[[str], None]) -> None:
    use(f"redis://127.0.0.1:1/0;{address(broker)}")
    users = [User.objects.create(name="Saved", phone=phone) for phone in "12"]
    assert not broker_module.publisher().down
    assert sorted(map(str, arguments(broker))) == sorted(str(key_of(user)) for user in users)


def test_the_second_takes_the_hint_where_the_first_is_frozen(
    broker: Process,
    use: Callable[[str], None],
    black_hole: int,
) -> None:
    use(f"redis://127.0.0.1:{black_hole}/0;{address(broker)}")
    user = User.objects.create(name="Saved")
    assert arguments(broker) == [key_of(user)]


def test_the_probe_finds_whichever_comes_back(broker: Process, use: Callable[[str], None]) -> None:
    broker.kill()
    use(f"redis://127.0.0.1:1/0;redis://127.0.0.1:2/0;{address(broker)}")
    User.objects.create(name="During")
    current = broker_module.publisher()
    assert current.down
    broker.restart()
    assert current.up.wait(20)
    after = User.objects.create(name="After")
    assert key_of(after) in arguments(broker)


@pytest.fixture
def sentinel(broker: Process, tmp_path: Path) -> Iterator[int]:
    master = broker.command[broker.command.index("--port") + 1]
    port = Port()
    settings = tmp_path / "sentinel.conf"
    settings.write_text(f"sentinel monitor ours 127.0.0.1 {master} 1\n")
    binary = parts.broker(port, folder=tmp_path, server=None).command[0]
    command = [binary, str(settings), "--sentinel", "--bind", "127.0.0.1", "--port", str(port.number)]
    process = Process(
        name="sentinel", command=command, log=tmp_path / "sentinel.log", ready=lambda _: pong(port.number)
    )
    port.release()
    process.start()
    process.wait_ready()
    yield port.number
    process.kill()


def pong(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1), redis.Redis("127.0.0.1", port) as client:
            return bool(client.ping())
    except (OSError, redis.RedisError):
        return False


def test_sentinels_master_takes_the_hint(
    broker: Process,
    sentinel: int,
    use: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(app.conf.broker_transport_options, "master_name", "ours")
    use(f"sentinel://127.0.0.1:{sentinel};sentinel://127.0.0.1:1")
    user = User.objects.create(name="Saved")
    assert arguments(broker) == [key_of(user)]


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("nosuch://127.0.0.1/", "No such transport: nosuch"),
        ("redis://:pass/word@127.0.0.1/0", "its address or transport cannot be used (ValueError)"),
        ("sqs://", "No module named 'botocore'"),
        ("consul://", "Missing python-consul library"),
        ("qpid://", "cannot be used"),
    ],
)
def test_a_broker_that_cannot_be_used_stops_no_save_and_is_named_everywhere(
    use: Callable[[str], None], url: str, why: str
) -> None:
    """The transport's library is not installed, say."""
    use(url)
    user = User.objects.create(name="Saved")
    assert row_of(user).state == "pending"
    assert "broker_unreachable" in {reason.code for reason in reasons()}
    call_command("sync", "status", stdout=StringIO())
    [warning] = celery_application()
    assert (warning.id, why in warning.msg, "word" in warning.msg) == ("thirdparty.W024", True, False)


def test_beside_one_that_cannot_be_used_another_takes_the_hint(broker: Process, use: Callable[[str], None]) -> None:
    use(f"nosuch://127.0.0.1/;{address(broker)}")
    user = User.objects.create(name="Saved")
    assert arguments(broker) == [key_of(user)]
