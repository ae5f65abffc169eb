"""Processes of an old and a new version side by side, under writes: all ends level at the new one."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from django.db import connection

from tests.integration.conftest import database_url, held_records
from thirdparty.capture import catch_up
from thirdparty.models import Declaration, Record
from thirdparty.observe.status import status
from thirdparty.sandbox.client import SandboxControl
from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)
PEOPLE = 12
WITHIN_SECONDS = 120.0


@pytest.fixture(autouse=True)
def _as_before(sandbox: SandboxControl) -> Iterator[None]:
    catch_up.go_on("partner", seconds=30)
    yield
    Declaration.objects.update(version=1)


@contextmanager
def worker(version: int, url: str, *, migrate: bool = False) -> Iterator[subprocess.Popen[str]]:
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "syncproject.settings",
        "DATABASE_URL": database_url(),
        "TARGET_PARTNER_BASE_URL": url,
        "TARGET_PARTNER_CAPABILITIES": "query",
        "TARGET_PARTNER_VISIBILITY_SECONDS": "0.4",
        "SYNC_RETRY_BACKOFF_SECONDS": "0.05",
        "SYNC_RETRY_BACKOFF_MAX_SECONDS": "0.1",
    }
    command = [sys.executable, "-m", "tests.integration.of_version", str(version), *(["migrate"] if migrate else [])]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=environment, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


@contextmanager
def edits() -> Iterator[list[int]]:
    """Somebody goes on editing everybody; the list counts the rounds."""
    rounds, end = [0], threading.Event()

    def edit() -> None:
        try:
            while not end.wait(0.01):
                rounds[0] += 1
                for user in User.objects.all():
                    User.objects.filter(pk=user.pk).update(name=f"{user.phone} in round {rounds[0]}")
        finally:
            connection.close()

    thread = threading.Thread(target=edit)
    thread.start()
    try:
        yield rounds
    finally:
        end.set()
        thread.join()


def level_at(version: int, sandbox: SandboxControl) -> bool:
    wanted = {f"{name}, by version {version}" for name in User.objects.values_list("name", flat=True)}
    owed = Record.objects.filter(due_at__isnull=False).exists()
    return not owed and {held["name"] for held in held_records(sandbox)} == wanted


def wait_until_level_at(version: int, sandbox: SandboxControl) -> None:
    deadline = time.monotonic() + WITHIN_SECONDS
    while not level_at(version, sandbox):
        assert time.monotonic() < deadline, held_records(sandbox)
        time.sleep(0.05)


def test_old_and_new_processes_side_by_side_end_level_at_the_new_version(
    sandbox: SandboxControl, sandbox_url: str
) -> None:
    for number in range(PEOPLE):
        User.objects.create(name="ada", phone=str(number))
    with ExitStack() as processes:
        old = processes.enter_context(worker(1, sandbox_url))
        wait_until_level_at(1, sandbox)
        with edits() as rounds:
            new = processes.enter_context(worker(2, sandbox_url, migrate=True))
            beside = rounds[0]
            while rounds[0] < beside + 3:
                time.sleep(0.01)
        wait_until_level_at(2, sandbox)
        assert (old.poll(), new.poll()) == (None, None)
        assert status().targets["partner"]["outdated"] == 0
        assert old.stdin is not None
        assert old.stderr is not None
        old.stdin.close()
        old.wait(60)
        said = "this process has version 1 of users.user; the database has 2: restart it"
        assert old.stderr.read().count(said) == 1
