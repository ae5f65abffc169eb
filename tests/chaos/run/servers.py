"""A PostgreSQL cluster and a RabbitMQ node of our own: ours to kill, in a folder that goes with the run."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import psycopg
from kombu import Connection

from syncproject.demo.ports import HOST, Port
from syncproject.demo.process import Process
from tests.chaos.run import demote

DATABASE = "chaos"


class NotInstalled(RuntimeError):
    """The server's programs are not on this machine; the message says where they were looked for."""


class PostgreSQL:
    """An empty cluster that survives a kill -9 of its processes. Raises `NotInstalled`."""

    def __init__(self, folder: Path) -> None:
        self._bin = _newest(Path("/usr/lib/postgresql").glob("*/bin"), "/usr/lib/postgresql/*/bin")
        self._data = folder / "postgresql"
        self._port = Port()
        self._folder = folder
        self._demoted = _demotion("postgres", "nobody")
        self.process = Process(
            name="postgres", command=self._command(), log=folder / "postgres.log", ready=lambda _: self.answers()
        )

    @property
    def url(self) -> str:
        return f"postgres://chaos@{HOST}:{self._port.number}/{DATABASE}"

    def start(self) -> None:
        """Create the cluster and an empty database in it."""
        _hand_over(self._folder, self._data, self._demoted)
        initdb = [*self._demoted, str(self._bin / "initdb"), "-D", str(self._data), "-U", "chaos", "-A", "trust"]
        subprocess.run([*initdb, "-E", "UTF8", "--no-sync"], check=True, capture_output=True, cwd="/")
        self._port.release()
        self.process.start()
        self.process.wait_ready()
        with self.connect("postgres") as connection:
            connection.execute(f"CREATE DATABASE {DATABASE}")

    def data(self, name: str) -> Path:
        """A file of the cluster."""
        return self._data / name

    def connect(self, database: str = DATABASE) -> psycopg.Connection[tuple[int]]:
        return psycopg.connect(
            host=HOST, port=self._port.number, user="chaos", dbname=database, autocommit=True, connect_timeout=2
        )

    def answers(self) -> bool:
        try:
            self.connect("postgres").close()
        except psycopg.OperationalError:
            return False
        return True

    def terminate_backends(self) -> int:
        """End every connection of the application, our own writers' too. How many those were."""
        with suppress(psycopg.OperationalError), self.connect("postgres") as connection:
            sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
            return len(connection.execute(sql, [DATABASE]).fetchall())
        return 0

    def _command(self) -> list[str]:
        command = [*self._demoted, str(self._bin / "postgres"), "-D", str(self._data), "-p", str(self._port.number)]
        # No fsync: what the kernel has survives the kill of a process, and nobody pulls the plug here.
        for setting in (f"listen_addresses={HOST}", "unix_socket_directories=", "fsync=off", "max_connections=200"):
            command += ["-c", setting]
        return command


class RabbitMQ:
    """A node with an own name, ports, folder and port mapper. Raises `NotInstalled`."""

    def __init__(self, folder: Path) -> None:
        found = Path("/usr/lib/rabbitmq/lib").glob("rabbitmq_server-*/sbin")
        self._bin = _newest(found, "/usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin")
        self._home = folder / "rabbitmq"
        self._home.mkdir()
        self._port, self._dist, mapper = Port(), Port(), Port()
        env = os.environ | {
            "HOME": str(self._home),
            "ERL_EPMD_ADDRESS": HOST,
            "ERL_EPMD_PORT": str(mapper.number),
            "RABBITMQ_NODENAME": f"usersync-chaos-{secrets.token_hex(4)}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": HOST,
            "RABBITMQ_NODE_PORT": str(self._port.number),
            "RABBITMQ_DIST_PORT": str(self._dist.number),
            "RABBITMQ_MNESIA_BASE": str(self._home / "mnesia"),
            "RABBITMQ_LOG_BASE": str(self._home / "log"),
            "RABBITMQ_CONF_ENV_FILE": str(self._home / "none"),
            "RABBITMQ_CONFIG_FILE": str(self._home / "none"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self._home / "none"),
        }
        self._mapper = Process(
            name="epmd", command=["epmd", "-port", str(mapper.release())], log=folder / "epmd.log", env=env
        )
        self.process = Process(
            name="broker",
            command=[str(self._bin / "rabbitmq-server")],
            log=folder / "broker.log",
            env=env,
            ready=lambda _: self.answers(),
        )

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@{HOST}:{self._port.number}//"

    def start(self) -> None:
        self._mapper.start()
        time.sleep(0.2)
        self._port.release()
        self._dist.release()
        self.process.start()
        self.process.wait_ready()

    def wipe(self) -> None:
        """Forget every queue and message; only while the node is down."""
        shutil.rmtree(self._home / "mnesia", ignore_errors=True)

    def answers(self) -> bool:
        try:
            with Connection(self.url, connect_timeout=2) as connection:
                connection.ensure_connection(max_retries=1, interval_start=0)
        except Exception:  # noqa: BLE001  # whatever it is, the node is not ready
            return False
        return True

    def stop(self) -> None:
        self.process.kill()
        self._mapper.kill()


def _newest(found: Iterable[Path], place: str) -> Path:
    try:
        return max(found)
    except ValueError:
        raise NotInstalled(f"nothing at {place}") from None


def _demotion(*accounts: str) -> list[str]:
    """What comes before a command that must not run as root; nothing where we are not root."""
    if os.getuid():
        return []
    for account in accounts:
        with suppress(KeyError):
            return [sys.executable, "-I", demote.__file__, pwd.getpwnam(account).pw_name]
    raise NotInstalled(f"none of the accounts {', '.join(accounts)} exists, and initdb refuses root")


def _hand_over(folder: Path, data: Path, demoted: list[str]) -> None:
    data.mkdir(mode=0o700)
    if demoted:
        folder.chmod(0o711)
        shutil.chown(data, demoted[-1])
