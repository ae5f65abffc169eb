"""What is wrong with settings or database stops the start, with its name and a hint."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.core.management.base import SystemCheckError

from tests.acceptance.prepared import Prepared, drop_triggers, triggers
from thirdparty.checks import require_sound

ROOT = Path(__file__).parents[2]
CELERY = [sys.executable, "-m", "celery", "-A", "syncproject"]
WEB = [sys.executable, "-c", "import syncproject.wsgi"]
MANAGE = [sys.executable, "manage.py"]


def run(command: list[str], **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, env=os.environ | env, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )


def url_of(database: Path) -> str:
    return f"sqlite:///{database}"


@pytest.fixture
def database(tmp_path: Path, prepared: Prepared) -> Path:
    """Migrated; of the test's own."""
    return Path(shutil.copy(prepared.database, tmp_path / "db.sqlite3"))


def alter_a_trigger(database: Path) -> None:
    name, text = min(triggers(database).items())
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(f'DROP TRIGGER "{name}"')
        connection.execute(text.replace("AFTER", "/* by hand */ AFTER", 1))


@pytest.mark.parametrize(
    "command",
    [[*CELERY, "worker", "--pool", "solo"], [*CELERY, "beat", "--schedule", "FOLDER/schedule"], WEB],
    ids=["worker", "beat", "web"],
)
def test_nothing_starts_where_writes_would_go_unrecorded(command: list[str], database: Path, tmp_path: Path) -> None:
    drop_triggers(database)
    placed = [word.replace("FOLDER", str(tmp_path)) for word in command]
    ended = run(placed, DATABASE_URL=url_of(database))
    assert ended.returncode != 0
    assert "thirdparty_users_user__users_user__insert" in ended.stderr
    assert "manage.py migrate" in ended.stderr


@pytest.mark.parametrize("spoil", [drop_triggers, alter_a_trigger], ids=["missing", "altered"])
def test_migrate_puts_right_what_is_wrong_with_the_triggers(database: Path, spoil: Callable[[Path], None]) -> None:
    """A process of its own, for it makes all checks before it does anything."""
    url = url_of(database)
    spoil(database)
    assert run(WEB, DATABASE_URL=url).returncode != 0
    migrated = run([*MANAGE, "migrate", "--verbosity", "0"], DATABASE_URL=url)
    assert migrated.returncode == 0, migrated.stderr
    assert "thirdparty.W010" in migrated.stderr
    assert run(WEB, DATABASE_URL=url).returncode == 0


KILLED = """
import os, signal
from django.core.management import call_command
from thirdparty.capture import versions
from thirdparty.capture.triggers import version
version.VERSION = 9
publish = versions.publish
def killed(kind, using):
    publish(kind, using=using)
    os.kill(os.getpid(), signal.SIGKILL)
versions.publish = killed
call_command("migrate", verbosity=0)
"""


def test_a_migrate_that_is_killed_half_way_leaves_the_triggers_that_there_were(database: Path) -> None:
    url = url_of(database)
    before = triggers(database)
    assert before
    assert run([*MANAGE, "shell", "--verbosity", "0", "-c", KILLED], DATABASE_URL=url).returncode == -9
    assert triggers(database) == before
    assert run(WEB, DATABASE_URL=url).returncode == 0


def targets(database: Path) -> list[tuple[str, bool, bool]]:
    """The name of each, whether it is enabled, and whether it was retired."""
    with closing(sqlite3.connect(database)) as connection:
        rows = connection.execute("SELECT name, enabled, retired FROM thirdparty_target").fetchall()
    return [(name, bool(enabled), bool(retired)) for name, enabled, retired in rows]


def test_a_start_makes_a_target_active_that_a_migrate_without_the_variable_had_sent_away(database: Path) -> None:
    url = url_of(database)
    assert run([*MANAGE, "migrate", "--verbosity", "0"], DATABASE_URL=url, SYNC_TARGETS="").returncode == 0
    assert ("partner", False, False) in targets(database)
    signal = "from celery.signals import beat_init; import syncproject.celery; beat_init.send(sender=None)"
    assert run([*MANAGE, "shell", "--verbosity", "0", "-c", signal], DATABASE_URL=url).returncode == 0
    assert ("partner", True, False) in targets(database)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("SYNC_LEASE_SECONDS", "3"),
        ("CELERY_BROKER_URL", "memory://"),
        ("TARGET_PARTNER_BASE_URL", "partner"),
    ],
)
def test_a_wrong_setting_stops_the_worker_by_name(setting: str, value: str) -> None:
    ended = run([*CELERY, "worker", "--pool", "solo"], **{setting: value})
    assert ended.returncode != 0
    assert setting in ended.stderr


@pytest.mark.parametrize(
    ("setting", "value"),
    [("SYNC_LEASE_SECONDS", 20.0), ("SYNC_RETRY_BACKOFF_MAX_SECONDS", 9999.0), ("SYNC_RETRY_BACKOFF_SECONDS", 700.0)],
)
def test_durations_that_do_not_fit_are_named_with_a_hint(settings: Any, setting: str, value: float) -> None:
    setattr(settings, setting, value)
    with pytest.raises(SystemCheckError, match=setting):
        call_command("check")
    with pytest.raises(ImproperlyConfigured, match=setting):
        require_sound()


def test_sound_settings_pass_every_check() -> None:
    call_command("check")
