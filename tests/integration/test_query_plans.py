"""What is asked for each record that is due is answered by an index, however many records there are."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from thirdparty import protect
from thirdparty.audit.journal import Journal
from thirdparty.decisions import brake
from thirdparty.models import Audit, Brake, Comparison
from thirdparty.models.record import State
from thirdparty.observe.oldest import oldest
from thirdparty.permissions import OPERATOR
from thirdparty.run import reconcile
from thirdparty.sandbox.client import SandboxControl
from thirdparty.store import choosing, held
from thirdparty.store.dialect import dialect
from thirdparty.store.leased import in_state
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


def plans_of(deed: Callable[[], object], *, of_records: str) -> list[list[str]]:
    """How PostgreSQL would find the records in each statement of ``deed`` that has this text, in a table that it knows."""
    User.objects.bulk_create(User(name="Due at once", phone=str(n)) for n in range(500))
    with CaptureQueriesContext(connection) as asked:
        deed()
    statements = [query["sql"] for query in asked if of_records in query["sql"]]
    with connection.cursor() as cursor:
        # Of a table that it knows nothing about, the planner may take any index.
        cursor.execute(f"ANALYZE {RECORDS}")
        cursor.execute("SET LOCAL enable_seqscan = off")
        plans = []
        for sql in statements:
            cursor.execute(f"EXPLAIN {sql}")
            plans.append([step.strip() for (step,) in cursor.fetchall()])
    assert plans
    return plans


ON_POSTGRESQL = pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite plans otherwise")


@ON_POSTGRESQL
def test_what_is_due_too_far_ahead_is_found_by_its_index_in_every_tick(sandbox: SandboxControl) -> None:
    for plan in plans_of(reconcile.bring_back, of_records="WITH "):
        assert [step for step in plan if "Index Cond" in step and "due_at > (statement_timestamp()" in step], plan


@ON_POSTGRESQL
def test_what_was_held_after_the_brake_was_let_off_is_found_by_its_index_in_every_tick(
    sandbox: SandboxControl,
) -> None:
    for plan in plans_of(lambda: held.wake(100), of_records="UPDATE"):
        assert [step for step in plan if "Index Cond" in step and "settled_state" in step], plan


@ON_POSTGRESQL
def test_what_the_brake_holds_is_found_by_its_index(sandbox: SandboxControl) -> None:
    Brake.objects.create(target="partner", latched_at=Now(), reason="too many")
    # Of few records, all are as quickly read in their order as those that are looked for.
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_indexscan = off")
    for plan in plans_of(lambda: brake.plan("partner", by=OPERATOR), of_records="AS change"):
        assert [step for step in plan if "Index Cond" in step and "settled_state" in step], plan


@ON_POSTGRESQL
def test_what_is_in_flight_is_found_where_claims_begin(sandbox: SandboxControl) -> None:
    for plan in plans_of(lambda: in_state(State.IN_FLIGHT), of_records="looked_at"):
        assert not [step for step in plan if "Seq Scan on thirdparty_record" in step], plan


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="PostgreSQL's plan depends on what it knows of the rows")
def test_whatever_is_owed_for_long_is_found_by_its_index_on_sqlite(sandbox: SandboxControl) -> None:
    with CaptureQueriesContext(connection) as asked:
        reconcile.pull_forward()
    [sql] = [query["sql"] for query in asked if "WITH " in query["sql"]]
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
        plan = [step for *_, step in cursor.fetchall()]
    assert [step for step in plan if "sync_owed" in step], plan


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="PostgreSQL's plan depends on what it knows of the rows")
def test_the_oldest_change_is_found_by_its_index_on_sqlite() -> None:
    with CaptureQueriesContext(connection) as asked:
        oldest("partner", protect.clock())
    [sql] = [query["sql"] for query in asked if "ORDER BY" in query["sql"]]
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
        assert [step for *_, step in cursor.fetchall()] == [f"SEARCH {RECORDS} USING INDEX sync_owed (owed_since>?)"]


@ON_POSTGRESQL
def test_the_oldest_change_is_found_by_its_index(sandbox: SandboxControl) -> None:
    for plan in plans_of(lambda: oldest("partner", protect.clock()), of_records="ORDER BY"):
        assert [step for step in plan if "using sync_owed" in step], plan
        assert not [step for step in plan if step.startswith("Sort")], plan


@ON_POSTGRESQL
def test_what_an_audit_has_noted_is_found_record_by_record_whatever_is_known_of_its_rows(
    sandbox: SandboxControl,
) -> None:
    begun = {
        "target": "partner",
        "kind": "users.user",
        "lists": True,
        "looks_up": True,
        "started_at": Now(),
        "due_at": Now(),
    }
    earlier, audit = Audit.objects.create(**begun, finished_at=Now()), Audit.objects.create(**begun)
    note(earlier, 2_000)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE thirdparty_comparison")
    note(audit, 2_000)
    with CaptureQueriesContext(connection) as asked:
        assert len(Journal(audit, "").outcomes([f"partner:users.user:{n}" for n in range(500)])) == 500
    [sql] = [query["sql"] for query in asked]
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {sql}")
        plan = [step.strip() for (step,) in cursor.fetchall()]
    assert [step for step in plan if "Index Cond" in step and "audit_id" in step and "record" in step], plan


def note(audit: Audit, count: int) -> None:
    Comparison.objects.bulk_create(
        Comparison(
            audit=audit, record=f"partner:users.user:{n}", outcome="open", generation=1, claims=1, at=timezone.now()
        )
        for n in range(count)
    )
