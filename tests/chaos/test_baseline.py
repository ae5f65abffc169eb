"""The textbook application, beside which the figures stand: it starts."""

from __future__ import annotations

import os
import subprocess
import sys

from syncproject.demo.stack import ROOT


def run(*arguments: str) -> str:
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.chaos.baseline.settings"}
    ran = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_the_textbook_application_starts() -> None:
    assert "no issues" in run("manage.py", "check")
