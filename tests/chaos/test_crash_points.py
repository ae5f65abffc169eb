"""A rotating sample of the crash points of each use; ``python -m tests.chaos.crash`` runs them all.

Each day has the next few, until all of them have been had (`tests.chaos.crash.cases.sample`); CRASH_SEED chooses another day's.
"""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from functools import cache

import pytest

from tests.chaos.crash.campaign import RECORDS, RENAMED
from tests.chaos.crash.cases import DAYS_OF_SAMPLES, Case, Result, in_samples, sample
from tests.chaos.crash.runs import run

SEED = int(os.environ.get("CRASH_SEED") or datetime.now(UTC).date().toordinal())
# The shop's orders are replaced one day and renamed the next: three uses would take longer than two.
DAYS = {"users": SEED, ("shop", "renumbered")[SEED % 2]: SEED // 2}
SAMPLE = [(use, case) for use, day in DAYS.items() for case in sample(day, records=RECORDS[use], renamed=RENAMED[use])]

MOST_MISSED = 2
"""Of a use's sample. With more the crash points are not where the steps are."""
# The first of them waits for all, which are run again where the machine was too slow for a crash.
pytestmark = pytest.mark.timeout(900)


@cache
def results(use: str) -> dict[Case, Result]:
    """All cases of the sample, run together on SQLite + Valkey."""
    sys.stdout.write(f"CRASH_SEED={SEED}\n")
    return {result.case: result for result in run("SQLite + Valkey", use=use, seed=DAYS[use]).results}


@pytest.mark.parametrize(
    ("use", "case"),
    [
        pytest.param(use, case, id=f"{use}-{case.name}", marks=pytest.mark.xdist_group(f"crash {use}"))
        for use, case in SAMPLE
    ],
)
def test_a_crash_leaves_nothing_lost_doubled_or_in_doubt(use: str, case: Case) -> None:
    result = results(use)[case]
    missed = [each for each in results(use).values() if each.void]
    if result.void and len(missed) <= MOST_MISSED:
        pytest.skip("another process took this step each time, so nothing crashed in it")
    assert result.problems == (), f"CRASH_SEED={SEED}"


@pytest.mark.parametrize("use", RECORDS)
def test_after_some_days_every_case_has_been_in_a_sample(use: str) -> None:
    records, renamed = RECORDS[use], RENAMED[use]
    days = range(SEED, SEED + DAYS_OF_SAMPLES * len(records))
    had = {case for day in days for case in sample(day, records=records, renamed=renamed)}
    assert had == set(in_samples(records=records, renamed=renamed))
