"""Whatever changes what the ERP is to hold of the shop is owed in the same transaction, and nothing else is.

Each day writes something else; SHOP_SEED chooses another day's.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests import services
from tests.acceptance.shop import Project

HERE = Path(__file__).parent
JUDGE = (HERE / "shop_writes.py").read_text() + (HERE / "shop_owed.py").read_text()
LEAST_CHANGES = 100
SEED = int(os.environ.get("SHOP_SEED") or datetime.now(UTC).date().toordinal())


@pytest.fixture(params=["SQLite", "PostgreSQL"])
def database(request: pytest.FixtureRequest) -> Iterator[str]:
    if request.param == "SQLite":
        yield ""
        return
    with services.postgres() as url:
        yield url


def judged(folder: Path, installed: Path, database: str, *, line: str) -> dict[str, int]:
    """Returns what was owed for nothing, after seeing that enough was changed and all of it owed."""
    project = Project(
        folder,
        python=installed,
        database_url=database,
        SEED=str(SEED),
        SYNC_TARGETS="erp",
        TARGET_ERP_CONNECTOR="shop.erp.Erp",
        TARGET_ERP_BASE_URL="http://127.0.0.1:1",
        TARGET_ERP_TOKEN="token",
        TARGET_ERP_ALLOW_HTTP="true",
    )
    project.manage("migrate", "--verbosity", "0")
    changes, not_owed, owed_for_nothing = project.shell(f"{JUDGE}\n{line}")
    assert not_owed == [], f"SHOP_SEED={SEED}"
    assert changes > LEAST_CHANGES
    return dict(owed_for_nothing)


def test_whatever_is_written_in_whatever_way_is_owed_and_a_note_that_no_target_reads_is_not(
    tmp_path: Path, installed: Path, database: str
) -> None:
    for_nothing = judged(tmp_path, installed, database, line="one_after_the_other(300)")
    assert not {"a_note_that_the_erp_does_not_know", "a_new_product", "a_transaction_taken_back"} & set(for_nothing)
