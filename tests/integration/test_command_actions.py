"""What every action of ``manage.py sync`` has: an example that works, JSON, and one line for an error."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from tests.integration.conftest import converge
from thirdparty import targets
from thirdparty.decisions.trial import Trial
from thirdparty.management.commands.sync import Command
from thirdparty.management.sync import trial as trial_command
from thirdparty.models import Brake, Record, Target
from thirdparty.sandbox.client import SandboxControl
from users.models import User

ROOT = Path(__file__).parents[2]
PROMPT = "  python manage.py sync "


def parser() -> argparse.ArgumentParser:
    return Command().create_parser("manage.py", "sync")


def actions() -> dict[str, argparse.ArgumentParser]:
    (found,) = [each for each in parser()._actions if isinstance(each, argparse._SubParsersAction)]
    return dict(found.choices)


ACTIONS = sorted(actions())
# What each is asked here: to do something, where it can.
ASKED = {
    "alerts": ["--test"],
    "audit": ["--target", "partner"],
    "backfill": ["--target", "partner"],
    "canary": ["--within", "0.1"],
    "certify": ["--target", "partner"],
    "compensate": ["retry", "ada1", "--target", "partner", "--by", "root", "--reason", "mended"],
    "explain": ["ada1"],
    "import": ["people.csv", "--dry-run"],
    "pause": ["partner"],
    "preview": ["--target", "partner"],
    "push": ["ada1"],
    "reconcile": [],
    "release": ["partner", "--plan"],
    "resume": ["partner"],
    "retire": ["former", "--by", "root", "--reason", "over"],
    "retry": ["--target", "partner"],
    "status": [],
    "token": ["root"],
    "trial": ["partner"],
}
ANSWERS: dict[str, Callable[[Any], bool]] = {
    "alerts": lambda said: said == [{"way": "email", "taken": True, "answer": "to 1"}],
    "audit": lambda said: said[0]["counts"]["equal"] == 1,
    "backfill": lambda said: said == {"target": "partner", "owed": 1, "held": 0},
    "canary": lambda said: said["answered"] is False and said["silent"] == "broker",
    "certify": lambda said: said["equal_throughout"] is True,
    "compensate": lambda said: (said["deed"], said["generation"], said["state"]) == ("retry", 1, "pending"),
    "explain": lambda said: said[0]["target"] == "partner",
    "import": lambda said: said["dry_run"] is True and (said["added"], said["present"], said["rejected"]) == (1, 0, 0),
    "pause": lambda said: said == {"target": "partner", "paused": True},
    "preview": lambda said: said["counts"]["nothing"] == 1,
    "push": lambda said: said[0] == {
        "target": "partner", "state": "synced", "steps": [{"outcome": "ok", "reason": "", "message": ""}],
    },
    "reconcile": lambda said: said.keys() == {"woken"},
    "release": lambda said: said["total"] == 0 and said["decided"] is None,
    "resume": lambda said: said == {"target": "partner", "paused": False},
    "retire": lambda said: said == {"target": "former", "dropped": 0},
    "retry": lambda said: said == {
        "target": "partner", "state": "parked", "cause": "", "due": 1, "broker_down": said["broker_down"],
    },
    "status": lambda said: said["targets"]["partner"]["synced"] == 1,
    "token": lambda said: said["username"] == "root" and len(said["key"]) == 40,
    "trial": lambda said: said["target"] == "partner" and said["follows"] is False,
}  # fmt: skip
PARKED_BEFORE = ("compensate", "retry")


@pytest.fixture
def _something_of_each(
    sandbox: SandboxControl, settings: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """One person who is level, an audit that says so, a target that is not named any more, and somebody to be told."""
    User.objects.create_superuser("root")
    User.objects.create_user(name="Ada", phone="1", username="ada1")
    converge()
    call_command("sync", "audit", "--target", "partner", stdout=StringIO())
    Target.objects.create(name="former", enabled=False)
    settings.SYNC_ALERT_EMAILS = "ops@example.org"
    standing = Trial("partner", {"users.user": 1.0}, None, owing=False, sample={}, parked={}, others=1)
    monkeypatch.setattr(trial_command.trial, "standing", lambda _: standing)
    (tmp_path / "people.csv").write_text("name\nEve\n", "utf-8")
    monkeypatch.chdir(tmp_path)


def said(*words: str) -> str:
    """What is on stdout, whether or not it ends with an error."""
    out = StringIO()
    with suppress(CommandError):
        call_command("sync", *words, stdout=out)
    return out.getvalue()


def test_each_action_is_tried_here() -> None:
    assert sorted(ASKED) == sorted(ANSWERS) == ACTIONS


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("_something_of_each")
@pytest.mark.parametrize("name", ACTIONS)
def test_each_action_says_as_json_what_came_of_it_and_nothing_else(name: str) -> None:
    if name in PARKED_BEFORE:
        Record.objects.update(parked="invalid", due_at=None)

    answer = json.loads(said(name, *ASKED[name], "--json"))

    assert ANSWERS[name](answer), answer


@pytest.mark.parametrize("name", ACTIONS)
def test_the_help_of_each_action_says_what_it_does_and_ends_with_an_example_that_it_takes(name: str) -> None:
    action = actions()[name]
    epilog = action.epilog or ""
    example = epilog.splitlines()[-1]

    assert action.description
    assert example.startswith(f"{PROMPT}{name}")
    assert action.format_help().rstrip().endswith(example)
    assert parser().parse_args(shlex.split(example.removeprefix(PROMPT))).run is action.get_default("run")


@pytest.mark.django_db(transaction=True)
def test_a_decision_says_as_json_what_was_decided(monkeypatch: pytest.MonkeyPatch) -> None:
    targets.publish_rows()
    User.objects.create_superuser("root")
    Brake.objects.update_or_create(
        target="partner", defaults={"latched_at": "2026-01-01T00:00Z", "reason": "too much"}
    )

    decided = json.loads(said("release", "partner", "--by", "root", "--reason", "all is well", "--json"))["decided"]

    assert decided == {
        "who": "root", "reason": "all is well", "rejected": False, "records": 0, "counts": {}, "latched": False, "wait": 0,
    }  # fmt: skip


EACH = """
import contextlib, io, json, sys
import django
django.setup()
from thirdparty.management.commands.sync import Command
ended = {}
for name, words in json.loads(sys.argv[1]).items():
    out, err = io.StringIO(), io.StringIO()
    code = 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            Command().run_from_argv(["manage.py", "sync", name, *words])
        except SystemExit as exit:
            code = exit.code
    ended[name] = [code, out.getvalue(), err.getvalue().splitlines()]
print(json.dumps(ended))
"""
"""Every action as ``manage.py`` runs it, in one process: it is started once."""


def without_a_database(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *words],
        env=os.environ | {
            "DATABASE_URL": "postgres://nobody@127.0.0.1:1/none", "SYNC_ALERT_EMAILS": "ops@example.org", "PYTHONPATH": str(ROOT),
        },
        cwd=folder, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def test_a_database_that_nobody_answers_at_is_one_line_and_exit_code_1_in_every_action(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("name\nEve\n", "utf-8")
    asked = ASKED | {"alerts": []}  # a test of the alerts asks no database

    ended = json.loads(without_a_database("-c", EACH, json.dumps(asked), folder=tmp_path).stdout)

    assert sorted(ended) == ACTIONS
    unlike = {
        name: told
        for name, told in ended.items()
        if told[:2] != [1, ""] or len(told[2]) != 1 or not told[2][0].startswith("CommandError: the database ")
    }
    assert unlike == {}


@pytest.mark.parametrize("words", [["status"], ["explain", "ada1"]])
def test_a_person_who_asks_without_a_database_is_told_in_one_line(words: list[str], tmp_path: Path) -> None:
    ended = without_a_database(str(ROOT / "manage.py"), "sync", *words, folder=tmp_path)

    assert (ended.returncode, ended.stdout) == (1, "")
    (line,) = ended.stderr.splitlines()
    assert line.startswith("CommandError: the database was not to be had: ")
