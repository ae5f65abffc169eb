"""Runs one pair in a process of its own, since Django's settings are those of one system."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from syncproject.demo.stack import ROOT
from tests.chaos.crash import uses
from tests.chaos.crash.application import SETTINGS
from tests.chaos.crash.cases import Result
from tests.chaos.crash.table import Run

PATHS = {"users": str(ROOT), "shop": f"{ROOT}{os.pathsep}{ROOT / 'examples' / 'shop'}"}


class RunFailed(RuntimeError):
    """A run ended without results; the message is what it said last."""


def run(pair: str, *, use: str = "users", seed: int | None = None, only: str = "") -> Run:
    """All cases of the pair, the sample of a seed, or those in whose names is the pattern ``only``. Raises `RunFailed`."""
    began = time.monotonic()
    project = uses.PROJECTS[use]
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "results.json"
        command = [sys.executable, "-m", "tests.chaos.crash.campaign", pair, str(results), "--only", only]
        if seed is not None:
            command += ["--seed", str(seed)]
        env = os.environ | {
            uses.VARIABLE: use,
            "DJANGO_SETTINGS_MODULE": SETTINGS[project],
            "PYTHONPATH": PATHS[project],
        }
        ended = subprocess.run(command, cwd=ROOT, env=env, stderr=subprocess.PIPE, text=True, check=False)
        if not results.exists():
            raise RunFailed(ended.stderr[-3000:])
        sys.stderr.write(ended.stderr)
        found = [Result.from_json(plain) for plain in json.loads(results.read_text())]
    return Run(use, pair, time.monotonic() - began, found)
