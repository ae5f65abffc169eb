"""The model against the statements once more, on the example project: orders, and the customers that they name.

In a process of its own, since a process has the settings and the models of one project. A quarter of the cases, another one
each day; MODEL_EVERY=1 has all of them compared.
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from syncproject.demo.stack import ROOT

SHOP = ROOT / "examples" / "shop"
TESTS = (
    "tests/chaos/test_model_matches_sql.py",
    "tests/chaos/test_model_matches_sql_of_the_brake.py",
    "tests/chaos/references_match_sql.py",
)
_OPTIONS = ("-q", "-x", "-p", "no:cacheprovider", "-p", "no:randomly", "--ds", "config.settings")

pytestmark = pytest.mark.timeout(1800)


def test_the_statements_do_to_the_records_of_the_shop_what_the_model_says() -> None:
    env = {"MODEL_EVERY": "4"} | os.environ | {"MODEL_USE": "shop", "PYTHONPATH": str(SHOP)}
    env = {name: value for name, value in env.items() if not name.startswith(("PYTEST_", "DJANGO_SETTINGS"))}
    command = [sys.executable, "-m", "pytest", *_OPTIONS, *TESTS]
    ended = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout[-5000:] + ended.stderr[-2000:]
