"""What the chaos run demands where a mapping has versions, and where a target was retired and named again."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection

from tests.chaos.run import trials, witness
from tests.chaos.run.comparison import compared
from tests.chaos.run.ledger import Ledger
from tests.chaos.run.promises import Attempt, History, acknowledged_unapplied, histories
from tests.chaos.run.roster import Roster
from tests.chaos.run.upgraded import mapping
from tests.chaos.run.witness import Content, Evidence, Generation
from tests.chaos.test_chaos_comparison import ANN, BEA, expected, record
from tests.chaos.test_chaos_run import attempt, effect, request
from thirdparty.models import Declaration, Record
from users.models import User

NOW = 10.0


def content(version: int) -> Content:
    return Content("Ann", "1", "", (mapping.role(version), "staff-1"))


def history(*entries: dict[str, Any], seen: Evidence) -> History:
    effects = Ledger(entries).effects
    return History("ann", (), seen, (), [each for some in effects.values() for each in some])


@pytest.mark.parametrize(("applied", "broken"), [(1, True), (2, False), (3, False)])
def test_what_is_acknowledged_was_sent_by_the_version_that_the_database_had_or_a_later_one(
    applied: int, *, broken: bool
) -> None:
    seen = Evidence([Generation(1, 0.5, content(1)), Generation(2, 0.7, content(2))], acknowledged=[(2, 2.0)])
    assert bool(list(acknowledged_unapplied(history(effect(2, 1.0, content=content(applied)), seen=seen)))) == broken


@pytest.fixture
def _watched(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv(mapping.VARIABLE, "1")
    witness.install()
    trials.install()
    yield
    with connection.cursor() as cursor:
        for name in _made_by_the_witness():
            cursor.execute(name)


def _made_by_the_witness() -> list[str]:
    on = {
        "born": "record",
        "moved": "record",
        "acknowledged": "record",
        "frozen_at_birth": "record",
        "frozen": "record",
    }
    on |= {"linked": "record", "began": "attempt", "ended": "attempt", "found": "finding", "confirmed": "finding"}
    postgresql = connection.vendor == "postgresql"
    on |= {"tried": "target", "caused": "record"}
    triggers = [
        f"DROP TRIGGER chaos_{name}" + (f" ON thirdparty_{table}" if postgresql else "") for name, table in on.items()
    ]
    functions = ("content", "born", "acknowledged", "frozen", "linked", "began", "ended", "found", "tried", "caused")
    tables = ("generation", "born", "acknowledged", "frozen", "linked", "attempt", "finding", "trial", "caused")
    return [
        *triggers,
        *(f"DROP FUNCTION chaos_{name}()" for name in functions if postgresql),
        *(f"DROP TABLE chaos_{name}" for name in tables),
    ]


def _seen() -> Evidence:
    (seen,) = witness.evidence_by_key().values()
    return seen


@pytest.mark.usefixtures("_watched")
def test_the_witness_notes_by_which_version_a_generation_is_to_be_sent() -> None:
    user = User.objects.create(name="Ann", phone="1")
    Declaration.objects.update(version=2)
    User.objects.filter(pk=user.pk).update(name="Bea")
    roles = [item.content.roles for item in _seen().generations if item.content is not None]
    assert roles == [("mapping-1",), ("mapping-2",)]
    Declaration.objects.update(version=1)


@pytest.mark.usefixtures("_watched")
def test_of_a_row_that_was_dropped_and_made_anew_only_the_second_life_counts() -> None:
    user = User.objects.create(name="Ann", phone="1")
    User.objects.filter(pk=user.pk).update(name="Bea")
    row = Record.objects.get()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE chaos_born SET at = %s", ["2000-01-01 00:00:00"])
        cursor.execute("UPDATE chaos_generation SET at = %s", ["2000-01-01 00:00:01"])
    Record.objects.all()._raw_delete(using="default")
    Record.objects.bulk_create([Record(key=row.key, target=row.target, kind=row.kind, object_id=row.object_id)])
    assert [item.content.name for item in _seen().generations if item.content is not None] == ["Bea"]
    assert witness.called_ever()


def test_what_a_target_keeps_since_it_was_retired_is_neither_extra_nor_called_gone() -> None:
    records = [record("r1", ANN, "ann"), record("r2", BEA, "bea"), record("r3", None, "cid", externalId="gone")]
    assert compared("partner", expected(left={"gone"}), records)[0].equal
    assert not compared("partner", expected(), records)[0].equal


def test_requests_from_before_a_target_was_retired_have_no_attempts_any_more() -> None:
    ledger = Ledger([request(1, 1.0), request(2, 12.0)])
    attempts: dict[str, list[Attempt]] = {request(1, 1.0)["external_id"]: [attempt(2, 11.9, 12.2)]}
    (told,) = histories(ledger, attempts, {}, dropped_at=NOW)
    assert [write.seq for write in told.writes] == [2]


def test_a_retired_target_is_owed_nothing_until_it_is_named_again() -> None:
    roster = Roster(["partner", "branch"])
    roster.name(["partner"])
    roster.retire("branch")
    assert roster.owed() == {"partner"}
    roster.name(["partner", "branch"])
    assert roster.owed() == {"partner"}
    assert roster.present() == {"partner", "branch"}
