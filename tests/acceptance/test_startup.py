"""What is wrong with settings or database stops the start, with its name and a hint."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.core.management.base import SystemCheckError

from thirdparty.checks import require_sound

ROOT = Path(__file__).parents[2]
CELERY = [sys.executable, "-m", "celery", "-A", "syncproject"]
WEB = [sys.executable, "-c", "import syncproject.wsgi"]
MANAGE = [sys.executable, "manage.py"]


def run(command: list[str], **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, env=os.environ | env, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.fixture(scope="module")
def database_without_triggers(tmp_path_factory: pytest.TempPathFactory) -> str:
    url = f"sqlite:///{tmp_path_factory.mktemp('database') / 'db.sqlite3'}"
    assert run([*MANAGE, "migrate", "--verbosity", "0"], DATABASE_URL=url).returncode == 0
    code = "from thirdparty.capture import triggers; triggers.drop()"
    assert run([*MANAGE, "shell", "--verbosity", "0", "-c", code], DATABASE_URL=url).returncode == 0
    return url


@pytest.mark.parametrize(
    "command",
    [[*CELERY, "worker", "--pool", "solo"], [*CELERY, "beat", "--schedule", "FOLDER/schedule"], WEB],
    ids=["worker", "beat", "web"],
)
def test_nothing_starts_where_writes_would_go_unrecorded(
    command: list[str], database_without_triggers: str, tmp_path: Path
) -> None:
    placed = [word.replace("FOLDER", str(tmp_path)) for word in command]
    ended = run(placed, DATABASE_URL=database_without_triggers)
    assert ended.returncode != 0
    assert "thirdparty_users_user__users_user__insert" in ended.stderr
    assert "manage.py migrate" in ended.stderr


ALTERED = """
from django.db import connection
from thirdparty.capture.triggers import sqlite
[name, *_] = texts = sqlite.texts(connection)
altered = texts[name].replace("AFTER", "/* by hand */ AFTER", 1)
for statement in (f'DROP TRIGGER "{name}"', altered):
    connection.cursor().execute(statement, [])
"""


@pytest.mark.parametrize(
    "spoilt", ["from thirdparty.capture import triggers; triggers.drop()", ALTERED], ids=["missing", "altered"]
)
def test_migrate_puts_right_what_is_wrong_with_the_triggers(tmp_path: Path, spoilt: str) -> None:
    """A process of its own, for it makes all checks before it does anything."""
    url = f"sqlite:///{tmp_path / 'db.sqlite3'}"
    assert run([*MANAGE, "migrate", "--verbosity", "0"], DATABASE_URL=url).returncode == 0
    assert run([*MANAGE, "shell", "--verbosity", "0", "-c", spoilt], DATABASE_URL=url).returncode == 0
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


def test_a_migrate_that_is_killed_half_way_leaves_the_triggers_that_there_were(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'db.sqlite3'}"
    look = "from thirdparty.capture.triggers import sqlite; from django.db import connection as c"
    look += "; print(sorted({found.text.split('triggers ')[1][:1] for found in sqlite.present(c)}))"
    assert run([*MANAGE, "migrate", "--verbosity", "0"], DATABASE_URL=url).returncode == 0
    assert run([*MANAGE, "shell", "--verbosity", "0", "-c", KILLED], DATABASE_URL=url).returncode == -9
    assert run([*MANAGE, "shell", "--verbosity", "0", "-c", look], DATABASE_URL=url).stdout.strip() == "['1']"
    assert run(WEB, DATABASE_URL=url).returncode == 0


def test_a_start_makes_a_target_active_that_a_migrate_without_the_variable_had_sent_away(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'db.sqlite3'}"
    look = [*MANAGE, "shell", "--verbosity", "0", "-c"]
    look.append(
        "from thirdparty.models import Target; print([*Target.objects.values_list('name', 'enabled', 'retired')])"
    )
    assert run([*MANAGE, "migrate", "--verbosity", "0"], DATABASE_URL=url).returncode == 0
    assert run([*MANAGE, "migrate", "--verbosity", "0"], DATABASE_URL=url, SYNC_TARGETS="").returncode == 0
    assert "('partner', False, False)" in run(look, DATABASE_URL=url).stdout
    signal = "from celery.signals import beat_init; import syncproject.celery; beat_init.send(sender=None)"
    assert run([*MANAGE, "shell", "--verbosity", "0", "-c", signal], DATABASE_URL=url).returncode == 0
    assert "('partner', True, False)" in run(look, DATABASE_URL=url).stdout


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
