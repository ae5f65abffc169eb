"""What is asked for each record that is due is answered by an index, however many records there are."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from thirdparty.run import reconcile
from thirdparty.sandbox.client import SandboxControl
from thirdparty.store import choosing
from thirdparty.store.dialect import dialect
from thirdparty.store.tables import RECORDS
from users.models import User

pytestmark = pytest.mark.django_db


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="PostgreSQL's plan depends on what it knows of the rows")
def test_who_else_holds_a_natural_key_is_found_by_its_index() -> None:
    sql, parameters = choosing.picks(dialect(connection), choosing.due("partner", 10))
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {sql}", parameters)
        plan = [step for *_, step in cursor.fetchall()]
    assert "SEARCH o USING INDEX one_row_per_natural_key (target=? AND kind=? AND natural_key=?)" in plan


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite's clock stands still within a statement")
def test_what_is_due_too_far_ahead_is_found_by_its_index_in_every_tick(sandbox: SandboxControl) -> None:
    User.objects.bulk_create(User(name="Due at once", phone=str(n)) for n in range(500))
    with CaptureQueriesContext(connection) as asked:
        reconcile.bring_back()
    [sql] = [query["sql"] for query in asked if "WITH " in query["sql"]]
    with connection.cursor() as cursor:
        # Of a table that it knows nothing about, the planner may take any index.
        cursor.execute(f"ANALYZE {RECORDS}")
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN {sql}")
        plan = [step.strip() for (step,) in cursor.fetchall()]
    assert [step for step in plan if "Index Cond" in step and "due_at > (statement_timestamp()" in step], plan
