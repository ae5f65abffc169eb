"""The engine in somebody else's Celery application: it gets its queue, its beat entry and its hooks, and keeps its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.prepared import drop_triggers
from tests.once import once

ROOT = Path(__file__).parents[2]

SETTINGS = """
SECRET_KEY = "x" * 50
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.admin",
                  "django.contrib.sessions", "django.contrib.messages", "rest_framework.authtoken", "users", "thirdparty"]
AUTH_USER_MODEL = "users.User"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3"}}
USE_TZ = True
SILENCED_SYSTEM_CHECKS = ["admin.E403", "admin.E408", "admin.E409", "admin.E410"]  # no pages are served
CELERY_BROKER_URL = "redis://127.0.0.1:1/0"
CELERY_BEAT_SCHEDULE = {"theirs": {"task": "theirs", "schedule": 3600.0}}
"""
APPLICATION = """
import os
from celery import Celery
from thirdparty.celery import install

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "theirs.settings")
app = Celery("theirs")
app.config_from_object("django.conf:settings", namespace="CELERY")
install(app)
install(app)


@app.task(name="theirs")
def theirs():
    pass
"""
REPORT = """
import json
import django
django.setup()
from theirs.celery import app
from thirdparty import tasks
from thirdparty.notify import broker
app.loader.import_default_modules()
app.finalize()
ours = app.tasks["thirdparty.push"]
print(json.dumps({
    "consumes": sorted(app.amqp.queues.consume_from),
    "queue": [app.amqp.queues["thirdparty"].exchange.name, app.amqp.queues["thirdparty"].queue_arguments],
    "schedule": {name: entry["task"] for name, entry in app.conf.beat_schedule.items()},
    "options": app.conf.beat_schedule["thirdparty.reconcile"].get("options"),
    "scheduler": app.conf.beat_scheduler,
    "reuse": app.conf.get("CELERY_DB_REUSE_MAX"),
    "theirs": [app.conf.task_acks_late, app.tasks["theirs"].acks_late, app.conf.task_default_queue],
    "ours": [ours.acks_late, ours.reject_on_worker_lost, ours.ignore_result, ours.serializer],
    "publishes": broker.publisher()._app is app,
}))
"""
LATER = """
app.conf.beat_schedule = {"later": {"task": "theirs", "schedule": 60.0}}
app.conf.task_queues = [Queue("high"), Queue("low")]
app.conf.beat_scheduler = "theirs:Scheduler"
app.conf["CELERY_DB_REUSE_MAX"] = 5
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    package = tmp_path / "theirs"
    package.mkdir()
    (package / "__init__.py").write_text("from theirs.celery import app as celery_app\n")
    (package / "settings.py").write_text(SETTINGS)
    (package / "celery.py").write_text(APPLICATION)
    return tmp_path


def run(project: Path, *command: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SYNC_", "TARGET_", "CELERY_"))}
    env = kept | {"DJANGO_SETTINGS_MODULE": "theirs.settings", "PYTHONPATH": f"{project}:{ROOT}"}
    return subprocess.run(
        [sys.executable, *command], cwd=project, env=env, capture_output=True, text=True, timeout=60, check=False
    )


def report(project: Path) -> dict[str, Any]:
    done = run(project, "-c", REPORT)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def test_one_call_gives_an_application_queue_schedule_and_publisher_beside_its_own(project: Path) -> None:
    assert report(project) == {
        "consumes": ["celery", "thirdparty"],
        "queue": ["thirdparty", {"x-queue-type": "classic"}],
        "schedule": {"theirs": "theirs", "thirdparty.reconcile": "thirdparty.reconcile"},
        "options": {"queue": "thirdparty"},
        "scheduler": "thirdparty.beat:ClockWaryScheduler",
        "reuse": 10**9,
        "theirs": [False, False, "celery"],
        "ours": [True, True, True, "json"],
        "publishes": True,
    }


def test_what_an_application_says_after_the_call_is_kept_beside_the_engines(project: Path) -> None:
    with (project / "theirs" / "celery.py").open("a") as module:
        module.write("from kombu import Queue\n" + LATER)
    found = report(project)
    assert found["consumes"] == ["high", "low", "thirdparty"]
    assert set(found["schedule"]) == {"later", "thirdparty.reconcile"}
    assert (found["scheduler"], found["reuse"]) == ("theirs:Scheduler", 5)


@pytest.mark.parametrize("process", [["worker", "--pool", "solo"], ["beat", "--schedule", "schedule"]])
def test_its_workers_and_its_beat_refuse_to_start_where_writes_would_go_unrecorded(
    project: Path, tmp_path_factory: pytest.TempPathFactory, process: list[str]
) -> None:
    def migrate(folder: Path) -> None:
        assert run(project, "-m", "django", "migrate", "--verbosity", "0").returncode == 0
        shutil.copy(project / "db.sqlite3", folder)

    shutil.copy(once(tmp_path_factory, "other-application", migrate) / "db.sqlite3", project)
    drop_triggers(project / "db.sqlite3")
    ended = run(project, "-m", "celery", "-A", "theirs", *process)
    assert ended.returncode != 0
    assert "refusing to start" in ended.stderr


def test_a_project_whose_application_was_forgotten_is_warned_with_what_to_do(project: Path) -> None:
    assert "thirdparty.W021" not in run(project, "-m", "django", "check").stderr
    (project / "theirs" / "__init__.py").write_text("")
    checked = run(project, "-m", "django", "check")
    assert "thirdparty.W021" in checked.stderr
    assert "thirdparty.celery.install(app)" in checked.stderr
