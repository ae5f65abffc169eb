"""The demo from the first process to the last."""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from pathlib import Path

import requests

from syncproject.demo.api import Api
from syncproject.demo.people import roles
from syncproject.demo.process import ProcessError
from syncproject.demo.screen import Screen
from syncproject.demo.stack import ROOT, Operator, Stack
from syncproject.demo.stage import LateError, Stage
from syncproject.demo.story import Story


def main() -> int:
    """Run the demo; returns the exit code: 0 only if both sides are equal in the end.

    Raises `SystemExit` where it is interrupted before that.
    """
    parser = argparse.ArgumentParser(prog="make demo", description="The whole system on this machine, and its story.")
    parser.add_argument("--exit", action="store_true", help="end after the story instead of staying until Ctrl-C")
    stay = not parser.parse_args().exit
    folder = _folder()
    screen = Screen()
    try:
        equal = _show(folder, screen, stay=stay)
    except (ProcessError, LateError, requests.RequestException) as problem:
        screen.fail(f"{problem}\n\nAll logs are in {folder}")
        return 1
    except SystemExit:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    shutil.rmtree(folder, ignore_errors=True)
    return 0 if equal else 1


def _folder() -> Path:
    """A new folder in the project's ``.run``, or among the temporary ones where that cannot be written."""
    runs = ROOT / ".run"
    try:
        runs.mkdir(exist_ok=True)
        return Path(tempfile.mkdtemp(prefix="demo-", dir=runs))
    except PermissionError:
        return Path(tempfile.mkdtemp(prefix="usersync-demo-"))


def _show(folder: Path, screen: Screen, *, stay: bool) -> bool:
    # Some vendors let two records share a username; only there could doubling show.
    with Stack(folder, shared_usernames=True, well_known_ports=True) as stack:
        screen.say("starting broker, third party, web, worker, beat and Flower; this takes a moment")
        stack.start("broker", "sandbox", "web", "worker", "beat", "flower")
        stack.load(roles())
        operator = stack.create_operator()
        api = Api(stack.url("web"), token=operator.token)
        try:
            with Stage(stack, api, screen) as stage, screen:
                found = Story(stage).tell()
        except requests.RequestException:
            stack.require_alive()
            raise
        screen.result(found)
        if stay:
            _stay(stack, screen, operator)
    return found.equal


def _stay(stack: Stack, screen: Screen, operator: Operator) -> None:
    screen.places(
        {
            "Admin": f"{stack.url('web')}/admin/",
            "API": f"{stack.url('web')}/api/docs/",
            "Flower": stack.url("flower"),
            "Third party": f"{stack.url('sandbox')}/_sandbox/",
            "Login": f"{operator.username} / {operator.password}",
            "API token": operator.token,
        }
    )
    try:
        while True:
            stack.require_alive()
            time.sleep(0.5)
    except SystemExit:
        screen.say("stopping")
