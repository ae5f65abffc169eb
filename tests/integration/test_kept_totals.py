"""What was tried and how long acknowledgements took: the reconciler adds it up, and the metrics show it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.integration.conftest import row_of
from thirdparty import protect, targets, tasks
from thirdparty.models import Attempt, KeptTotals, Record, Target
from thirdparty.observe import kept_totals
from thirdparty.observe.kept_totals import Acknowledged, What
from thirdparty.observe.reasons import reasons
from thirdparty.observe.status import status
from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _begun(at_work: None, settings: Any) -> None:
    targets.publish_rows()
    kept_totals.count()
    KeptTotals.objects.update(counted_to=protect.clock() - timedelta(minutes=8))


def tried(outcome: str, *, took_seconds: float | None = None, call: str = "add", minutes_ago: float = 5) -> Attempt:
    """One that acknowledged something where it took so long."""
    user = User.objects.create_user(name="Ada", phone=str(User.objects.count()))
    began = protect.clock() - timedelta(minutes=minutes_ago)
    owed_since = None if took_seconds is None else began - timedelta(seconds=took_seconds)
    return Attempt.objects.create(
        record=row_of(user), lease_token="t", call=call, generation=1, outcome=outcome, started_at=began,
        finished_at=began if outcome else None, owed_since=owed_since, acknowledged=took_seconds is not None,
    )  # fmt: skip


def of_partner() -> kept_totals.Totals:
    return kept_totals.totals(["partner"])["partner"]


def metrics() -> list[str]:
    return Client().get("/metrics").content.decode().splitlines()


def some_time_later() -> None:
    """It is time to count again: all that was counted lies further back."""
    Attempt.objects.update(started_at=datetime(2020, 1, 1, tzinfo=protect.clock().tzinfo))
    KeptTotals.objects.update(counted_to=protect.clock() - timedelta(minutes=8))


def test_attempts_are_counted_by_their_outcome() -> None:
    tried("ok")
    tried("ok")
    tried("transient")

    assert kept_totals.count()

    assert of_partner().outcomes == {"ok": 2, "transient": 1, "unknown": 0, "rejected": 0, "crashed": 0}
    assert 'usersync_attempts_total{outcome="ok",target="partner"} 2.0' in metrics()


def test_what_was_counted_is_not_counted_again_and_stays_when_attempts_are_pruned() -> None:
    tried("ok")
    kept_totals.count()
    Attempt.objects.all().delete()
    some_time_later()
    tried("ok")

    kept_totals.count()

    assert of_partner().outcomes["ok"] == 2


def test_an_attempt_is_left_to_a_later_count_while_its_lease_may_last() -> None:
    tried("", minutes_ago=0.5)

    kept_totals.count()

    assert set(of_partner().outcomes.values()) == {0}


def test_one_that_is_open_after_its_lease_has_crashed() -> None:
    tried("")

    kept_totals.count()

    assert of_partner().outcomes["crashed"] == 1


def test_acknowledgements_are_counted_by_how_long_they_took() -> None:
    tried("ok", took_seconds=0.2)
    tried("ok", took_seconds=40)
    tried("ok", took_seconds=7200)

    kept_totals.count()

    changes = of_partner().changes
    assert (changes.count, changes.in_time, round(changes.seconds, 1)) == (3, 2, 7240.2)
    lines = metrics()
    labels = 'target="partner",what="changes"'
    for bound, count in {"0.25": 1, "30.0": 1, "60.0": 2, "3600.0": 2, "+Inf": 3}.items():
        assert f'usersync_acknowledgement_seconds_bucket{{le="{bound}",{labels}}} {count}.0' in lines
    assert f"usersync_acknowledged_in_time_total{{{labels}}} 2.0" in lines


@pytest.mark.parametrize("call", ["delete", "deactivate"])
def test_a_removal_is_measured_by_its_own_objective(call: str) -> None:
    tried("ok", took_seconds=40, call=call)

    kept_totals.count()

    assert (of_partner().removals.count, of_partner().removals.in_time) == (1, 0)
    assert of_partner().changes == Acknowledged()


def test_what_is_owed_for_longer_than_the_objective_is_late() -> None:
    for nth in range(3):
        User.objects.create_user(name="Ada", phone=str(nth))
    keys = list(Record.objects.values_list("key", flat=True))
    Record.objects.filter(key__in=keys[:2]).update(owed_since=protect.clock() - timedelta(seconds=90))
    Record.objects.filter(key=keys[0]).update(deleted=True)

    kept_totals.count()

    assert (of_partner().of(What.CHANGES).late, of_partner().of(What.REMOVALS).late) == (1, 1)


def test_a_reconciler_that_was_away_catches_up_ten_minutes_at_a_time() -> None:
    KeptTotals.objects.update(counted_to=protect.clock() - timedelta(hours=1))
    tried("ok", minutes_ago=55)
    tried("ok", minutes_ago=45)

    kept_totals.count()
    assert of_partner().outcomes["ok"] == 1

    kept_totals.count()
    assert of_partner().outcomes["ok"] == 2


def test_of_two_processes_that_count_at_once_one_is_heeded(monkeypatch: pytest.MonkeyPatch) -> None:
    tried("ok")
    add, counted = kept_totals._add_attempts, []

    def another_is_quicker(*arguments: Any) -> None:
        add(*arguments)
        monkeypatch.setattr(kept_totals, "_add_attempts", add)
        counted.append(kept_totals.count())

    monkeypatch.setattr(kept_totals, "_add_attempts", another_is_quicker)

    assert not kept_totals.count()

    assert counted == [True]
    assert of_partner().outcomes["ok"] == 1


def test_totals_of_a_clock_that_was_ahead_go_on_from_now() -> None:
    KeptTotals.objects.update(counted_to=protect.clock() + timedelta(hours=10))

    assert kept_totals.count()

    [kept] = KeptTotals.objects.all()
    assert kept.counted_to is not None
    assert kept.counted_to < protect.clock()


def test_under_other_buckets_the_histogram_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    tried("ok", took_seconds=1)
    kept_totals.count()

    monkeypatch.setattr(kept_totals, "BUCKETS", (1.0, 2.0))

    assert (of_partner().changes.count, of_partner().changes.buckets) == (0, [0, 0])
    assert of_partner().outcomes["ok"] == 1


def test_the_reconciler_counts_in_its_tick() -> None:
    tried("ok")

    tasks.run_reconcile()

    assert of_partner().outcomes["ok"] == 1


def test_the_metrics_read_no_attempts() -> None:
    tried("ok")

    with CaptureQueriesContext(connection) as queries:
        metrics()

    assert [query["sql"] for query in queries if "thirdparty_attempt" in query["sql"]] == []


def test_who_is_at_work_is_a_metric() -> None:
    lines = metrics()

    assert 'usersync_processes{role="worker"} 1.0' in lines
    assert 'usersync_processes_without_broker{role="beat"} 0.0' in lines
    assert any(line.startswith('usersync_heartbeat_age_seconds{role="beat"} ') for line in lines)


def all_of(minutes: float) -> None:
    """The reconciler has counted all of the last minutes, tick by tick."""
    KeptTotals.objects.update(counted_to=protect.clock() - timedelta(minutes=minutes))
    while kept_totals.count():
        pass


def test_the_status_tells_the_last_hour_apart_from_the_last_day() -> None:
    for _ in range(3):
        tried("ok", took_seconds=1, minutes_ago=110)
    tried("ok", took_seconds=100, minutes_ago=110)
    tried("unknown", minutes_ago=110)
    tried("ok", took_seconds=1, minutes_ago=10)
    tried("transient", minutes_ago=10)
    all_of(minutes=120)

    figures = status().targets["partner"]

    names = ("acknowledged", "percent_in_time", "failed", "failed_by_outcome")
    assert [figures[f"{name}_last_hour"] for name in names] == [1, 100.0, 1, {"transient": 1}]
    assert [figures[f"{name}_last_day"] for name in names] == [5, 80.0, 2, {"transient": 1, "unknown": 1}]


def test_where_nothing_was_acknowledged_there_is_no_share_in_time() -> None:
    kept_totals.count()

    assert status().targets["partner"]["percent_in_time_last_hour"] is None
    assert 'usersync_target_percent_in_time_last_hour{target="partner"} NaN' in metrics()


def missed() -> list[str]:
    return [reason.sentence for reason in reasons() if reason.code == "objective_missed"]


def test_an_objective_that_most_of_the_last_ten_minutes_missed_is_a_reason_to_act() -> None:
    for _ in range(6):
        tried("ok", took_seconds=100)
    for _ in range(24):
        tried("ok", took_seconds=1)
    kept_totals.count()

    [reason] = [reason for reason in reasons() if reason.code == "objective_missed"]
    assert (reason.severity, reason.target) == ("act", "partner")
    assert reason.sentence == (
        "Of the 30 changes that it acknowledged in the last hour, 80% came in time: it should be 95%."
    )


def test_few_late_changes_are_no_missed_objective() -> None:
    for _ in range(19):
        tried("ok", took_seconds=100)
    kept_totals.count()

    assert missed() == []


def test_one_late_change_in_twenty_is_what_is_promised() -> None:
    tried("ok", took_seconds=100)
    for _ in range(19):
        tried("ok", took_seconds=1)
    kept_totals.count()

    assert missed() == []


def test_what_was_late_and_is_no_more_needs_nobody() -> None:
    for _ in range(20):
        tried("ok", took_seconds=100, minutes_ago=40)
    tried("ok", took_seconds=1, minutes_ago=5)
    all_of(minutes=50)

    of_hour = of_partner().since(timedelta(hours=1))
    assert (of_hour.acknowledged, of_hour.in_time) == (21, 1)
    assert missed() == []


def test_what_was_late_more_than_an_hour_ago_is_forgotten() -> None:
    for _ in range(20):
        tried("ok", took_seconds=100, minutes_ago=110)
    tried("ok", took_seconds=100, minutes_ago=5)
    all_of(minutes=120)

    of_hour = of_partner().since(timedelta(hours=1))
    assert (of_hour.acknowledged, of_hour.in_time) == (1, 0)
    assert missed() == []


def test_a_backfill_misses_no_objective() -> None:
    for _ in range(30):
        tried("ok", took_seconds=100)
    kept_totals.count()
    Target.objects.update(backfill=True)

    assert missed() == []
