"""The engine can be taken out again: its tables go, and the application's own go on as if it had never been there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import services
from tests.acceptance.prepared import Prepared

ROOT = Path(__file__).resolve().parents[2]
SAVE_AND_COUNT = """
from django.db import connection
from users.models import User
user = User.objects.create(username="ada", name="Ada", phone="1")
user.phone = "2"
user.save()
user.delete()
print(sum(table.startswith("thirdparty_") for table in connection.introspection.table_names()))
"""


@pytest.fixture(params=["SQLite", "PostgreSQL"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path, prepared: Prepared) -> Iterator[str]:
    """Of a migrated database."""
    if request.param == "SQLite":
        yield f"sqlite:///{shutil.copy(prepared.database, tmp_path)}"
        return
    with services.postgres() as url:
        manage(url, "migrate", "--verbosity", "0")
        yield url


def manage(database_url: str, *arguments: str) -> str:
    command = [sys.executable, "manage.py", *arguments]
    env = os.environ | {"DATABASE_URL": database_url}
    ended = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_after_its_migrations_are_taken_back_people_are_saved_and_nothing_of_it_is_left(database_url: str) -> None:
    manage(database_url, "migrate", "thirdparty", "zero", "--verbosity", "0")
    assert manage(database_url, "shell", "--verbosity", "0", "--command", SAVE_AND_COUNT) == "0\n"
