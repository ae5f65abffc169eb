"""No secret and no personal detail is where it does not belong: marked in every field, then looked for everywhere."""

from __future__ import annotations

import hashlib
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
import redis
import requests

from syncproject.demo.stack import Operator, Stack
from tests.acceptance.conftest import QUICK
from tests.acceptance.prepared import Prepared

PERSON = {"name": "Zebulon Quixby", "phone": "+998877665544", "email": "zq.marker@example.com"}
DETAILS = ("Zebulon", "Quixby", "998877665544", "zq.marker", "zebulonquixby")
# One process of a parallel run takes all tests, and starts the system once.
pytestmark = pytest.mark.xdist_group("secrets")
FLOWER_PAGES = ("/api/tasks", "/api/workers", "/tasks", "/broker", "/workers", "/metrics")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, prepared: Prepared) -> Iterator[Stack]:
    settings = QUICK | {"FLOWER_UNAUTHENTICATED_API": "true", "SYNC_QUEUE": f"usersync-{secrets.token_hex(4)}"}
    with Stack(tmp_path_factory.mktemp("stack"), database=prepared.database, settings=settings) as running:
        running.start("broker", "sandbox", "web", "worker", "beat", "flower")
        yield running


@pytest.fixture(scope="module")
def operator(prepared: Prepared) -> Operator:
    return prepared.operator


@pytest.fixture(scope="module")
def api(stack: Stack, operator: Operator) -> requests.Session:
    session = requests.Session()
    session.headers["Authorization"] = f"Token {operator.token}"
    return session


@pytest.fixture(scope="module")
def markers(stack: Stack, operator: Operator) -> tuple[str, ...]:
    """Every personal detail, and every secret as it is and as the target is sent it."""
    given = [stack.env[f"TARGET_PARTNER_{name}"] for name in ("APP_SECRET", "DEFAULT_PASSWORD")]
    sent = [hashlib.md5(secret.encode(), usedforsecurity=False).hexdigest() for secret in given]
    return (*DETAILS, *given, *sent, stack.env["DJANGO_SECRET_KEY"], operator.password, operator.token)


def wait(condition: Callable[[], Any], *, within_seconds: float = 60.0) -> None:
    deadline = time.monotonic() + within_seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def save(stack: Stack, api: requests.Session, number: int) -> requests.Response:
    person = PERSON | {"phone": f"{PERSON['phone']}{number}"}
    return api.post(f"{stack.url('web')}/api/v1/users/", json=person, timeout=20)


def sql(stack: Stack, statement: str) -> list[tuple[Any, ...]]:
    """What it returns, from beside the system."""
    with closing(sqlite3.connect(stack.folder / "db.sqlite3", timeout=20)) as connection, connection:
        return connection.execute(statement).fetchall()


def broker_contents(stack: Stack) -> str:
    """Everything that the broker holds, as it is stored and with task bodies decoded."""
    with redis.Redis.from_url(stack.broker_url) as client:
        readers: dict[bytes, Callable[[bytes], Any]] = {
            b"list": lambda key: client.lrange(key, 0, -1),
            b"hash": client.hgetall,
            b"set": client.smembers,
            b"zset": lambda key: client.zrange(key, 0, -1),
            b"string": client.get,
        }
        return repr([(key, readers[client.type(key)](key)) for key in client.scan_iter()])


def test_secrets_and_personal_details_stay_where_they_belong(
    stack: Stack, api: requests.Session, markers: tuple[str, ...]
) -> None:
    places: dict[str, str] = {}

    # Whatever the third party answers, and whatever it quotes.
    for number, fault in enumerate(("422", "invalid", "html", "401", "500", "cut")):
        stack.sandbox.faults(rates={fault: 1})
        assert save(stack, api, number).status_code == 201
        wait(lambda fault=fault: stack.sandbox.stats()["faults"].get(fault))
    places["status"] = stack.manage("sync", "status", "--json") + stack.manage("sync", "status")
    stack.sandbox.heal()
    stack.manage("sync", "resume", "partner")

    # While messages wait, and after.
    stack.process["worker"].kill()
    save(stack, api, 10)
    wait(lambda: stack.env["SYNC_QUEUE"] in broker_contents(stack))
    places["broker"] = broker_contents(stack)
    stack.process["worker"].restart()

    # An error of our own, in web, worker and beat alike.
    sql(stack, "ALTER TABLE thirdparty_record RENAME TO mislaid")
    failed = save(stack, api, 11)
    assert failed.status_code == 500
    places["error page"] = failed.text + repr(failed.headers)
    sql(stack, "ALTER TABLE mislaid RENAME TO thirdparty_record")

    attempts = sql(stack, "SELECT * FROM thirdparty_attempt")
    assert len(attempts) >= 6
    places["attempts"] = repr(attempts)
    places["records"] = repr(sql(stack, "SELECT key, parked, last_error, add_key FROM thirdparty_record"))
    places["target"] = repr(sql(stack, "SELECT * FROM thirdparty_target"))
    pages = [requests.get(stack.url("flower") + page, timeout=20) for page in FLOWER_PAGES]
    assert "thirdparty.push" in pages[0].text
    places["flower"] = "".join(page.text for page in pages)
    for name, process in stack.process.items():
        if name not in ("sandbox", "broker"):
            places[f"log of {name}"] = process.output()
    assert "Internal Server Error" in places["log of web"]

    found = {(place, marker) for place, text in places.items() for marker in markers if marker.lower() in text.lower()}
    assert found == set()


def test_the_same_search_finds_them_where_they_do_belong(stack: Stack, api: requests.Session) -> None:
    assert save(stack, api, 20).status_code == 201
    people = repr(sql(stack, "SELECT * FROM users_user"))
    assert [detail for detail in DETAILS if detail not in people] == []
