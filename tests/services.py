"""The database and message servers of this machine, where they answer.

Nothing here harms what others keep there: a database of our own, a Redis database that was empty,
queues of our own names. Killing, freezing and wiping is for servers that a test started itself.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
import redis
from kombu import Connection

POSTGRES_URL = os.environ.get("TEST_POSTGRES_URL", "postgres://postgres@127.0.0.1:5432/postgres")
REDIS_URL = os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379")
RABBITMQ_URL = os.environ.get("TEST_RABBITMQ_URL", "amqp://guest:guest@127.0.0.1:5672//")
REQUIRED = os.environ.get("REQUIRE_SERVICES") == "1"
"""Set where every suite has to run: a server that does not answer then fails instead of skipping."""


def absent(name: str, url: str, error: Exception) -> None:
    """Skip the test, or fail it where services are required, naming the server."""
    parts = urlsplit(url)
    reason = f"{name} does not answer at {parts.hostname}:{parts.port} ({type(error).__name__})"
    if REQUIRED:
        pytest.fail(reason)
    pytest.skip(reason)


@contextmanager
def postgres() -> Iterator[str]:
    """The URL of an empty database, dropped in the end."""
    name = f"usersync_test_{secrets.token_hex(4)}"
    try:
        server = psycopg.connect(POSTGRES_URL, autocommit=True, connect_timeout=3)
    except psycopg.OperationalError as error:
        absent("PostgreSQL", POSTGRES_URL, error)
    with server:
        server.execute(f"CREATE DATABASE {name}")
        try:
            yield urlunsplit(urlsplit(POSTGRES_URL)._replace(path=f"/{name}"))
        finally:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def redis_database() -> Iterator[str]:
    """The URL of a database that was empty, emptied again in the end."""
    for number in range(15, 0, -1):
        url = f"{REDIS_URL}/{number}"
        with redis.Redis.from_url(url, socket_connect_timeout=3) as client:
            try:
                empty = client.dbsize() == 0
            except redis.RedisError as error:
                absent("Redis", REDIS_URL, error)
            if empty:
                try:
                    yield url
                finally:
                    client.flushdb()
                return
    pytest.fail("every database of the Redis server is in use")


@contextmanager
def rabbitmq(queue: str) -> Iterator[str]:
    """The URL of the server; ``queue`` is deleted in the end."""
    with Connection(RABBITMQ_URL, connect_timeout=3) as connection:
        try:
            connection.ensure_connection(max_retries=1)
        except Exception as error:  # noqa: BLE001  # whatever it is, the server is not usable
            absent("RabbitMQ", RABBITMQ_URL, error)
        try:
            yield RABBITMQ_URL
        finally:
            connection.channel().queue_delete(queue)
