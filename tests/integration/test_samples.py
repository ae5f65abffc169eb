"""A sample a minute of each target, and the drawing that is made of them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from tests.integration.conftest import row_of
from thirdparty import targets, tasks
from thirdparty.admin.chart import charts
from thirdparty.models import Attempt, Record, Sample
from thirdparty.run import reconcile, samples
from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _rows(at_work: None) -> None:
    targets.publish_rows()


def tried(outcome: str, *, minutes_ago: float) -> None:
    user = User.objects.create_user(name="Ada", phone=str(User.objects.count()))
    minute = timezone.now().replace(second=0, microsecond=0)
    Attempt.objects.create(
        record=row_of(user), lease_token="t", call="add", generation=1, outcome=outcome,
        started_at=minute - timedelta(minutes=minutes_ago), finished_at=minute,
    )  # fmt: skip


def test_a_sample_has_what_is_owed_what_is_stuck_and_how_the_minute_before_went() -> None:
    tried("ok", minutes_ago=0.5)
    tried("ok", minutes_ago=0.9)
    tried("transient", minutes_ago=0.5)
    tried("ok", minutes_ago=1.5)
    Record.objects.filter(key=Record.objects.all()[0].key).update(parked="invalid")
    Record.objects.filter(key=Record.objects.all()[1].key).update(synced_generation=1, owed_since=None)
    assert samples.take() == 1
    sample = Sample.objects.get()
    assert (sample.target, sample.owed, sample.parked, sample.ok, sample.failed) == ("partner", 2, 1, 2, 1)


def test_of_one_minute_there_is_one_sample_whoever_ticks() -> None:
    minute = timezone.now().replace(second=0, microsecond=0)
    for nth in range(3):  # one of the three is this minute's, whenever it begins
        Sample.objects.create(target="partner", at=minute + timedelta(minutes=nth), owed=7, parked=0, ok=0, failed=0)
    tasks.run_reconcile()
    assert [sample.owed for sample in Sample.objects.all()] == [7, 7, 7]


def test_the_reconciler_takes_samples_and_forgets_those_of_days_ago() -> None:
    now = timezone.now()
    for hours in (47, 49):
        Sample.objects.create(target="partner", at=now - timedelta(hours=hours), owed=1, parked=0, ok=0, failed=0)
    tasks.run_reconcile()
    assert Sample.objects.count() == 2
    assert reconcile.prune() == 0


def test_the_drawing_has_a_gap_where_there_are_no_samples() -> None:
    now = timezone.now()
    for minutes in (60, 59, 58, 10, 9):
        Sample.objects.create(
            target="partner", at=now - timedelta(minutes=minutes), owed=minutes, parked=0, ok=3, failed=1
        )
    drawn = charts(["partner", "saas"], now)
    assert list(drawn) == ["partner"]
    assert [len(points.split()) for points in drawn["partner"].owed] == [3, 2]
    assert (drawn["partner"].most_owed, drawn["partner"].most_tried) == (60, 4)
    assert len(drawn["partner"].bars) == 10


def test_the_first_page_shows_it() -> None:
    Sample.objects.create(target="partner", at=timezone.now(), owed=5, parked=2, ok=0, failed=0)
    web = Client()
    web.force_login(User.objects.create_superuser("root"))
    page = web.get("/admin/").content.decode()
    assert "<polyline" in page
    assert "at most 7" in page
