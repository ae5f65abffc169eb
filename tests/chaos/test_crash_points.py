"""A rotating sample of the crash points; ``python -m tests.chaos.crash`` runs them all, on every pair.

The sample changes every day; CRASH_SEED chooses another.
"""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime

import pytest

from tests.chaos.crash.cases import Case, Result, sample
from tests.chaos.crash.runs import run

SEED = int(os.environ.get("CRASH_SEED") or datetime.now(UTC).date().toordinal())

# The first of them waits for all, which are run again where the machine was too slow for a crash.
pytestmark = [pytest.mark.xdist_group("crash"), pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def results() -> dict[Case, Result]:
    """All cases of the sample, run together on SQLite + Valkey."""
    sys.stdout.write(f"CRASH_SEED={SEED}\n")
    return {result.case: result for result in run("SQLite + Valkey", seed=SEED).results}


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in sample(SEED)])
def test_a_crash_leaves_nothing_lost_doubled_or_in_doubt(case: Case, results: dict[Case, Result]) -> None:
    assert results[case].problems == (), f"CRASH_SEED={SEED}"
