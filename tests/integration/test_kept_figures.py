"""How many records stand how: few are counted now, many by the reconciler; nobody who asks waits for a count of all."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.integration.conftest import step
from thirdparty import protect, targets, tasks
from thirdparty.admin import pages
from thirdparty.decisions.look_now import look_now
from thirdparty.models import KeptFigures, Record, Target
from thirdparty.models.record import EPOCH, State
from thirdparty.observe import counting, kept_figures
from thirdparty.observe.reasons import Severity
from thirdparty.observe.status import Status, status
from thirdparty.run.pause import pause
from thirdparty.sandbox.client import SandboxControl
from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)
MANY = 4


@pytest.fixture(autouse=True)
def _four_are_many(at_work: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "AT_ONCE", MANY)
    targets.publish_rows()
    Target.objects.update(behind_since=None, swept=True, fence=None)


def people(count: int) -> None:
    for number in range(count):
        User.objects.create_user(name="Ada", phone=str(number))


def of_partner(state: str) -> Any:
    return status().targets["partner"][state]


def age_of_figures(report: Status | None = None) -> float | None:
    return (report or status()).figures_age_seconds


def test_few_are_counted_whenever_somebody_asks() -> None:
    people(MANY - 1)

    assert of_partner("pending") == MANY - 1
    assert (of_partner("at_least"), age_of_figures()) == ([], None)


def test_of_many_the_number_is_the_one_that_the_reconciler_counted_and_its_age_is_told() -> None:
    people(MANY + 2)
    kept_figures.count()
    KeptFigures.objects.update(counted_at=timezone.now() - timedelta(minutes=20))
    people(3)

    report = status()

    assert report.targets["partner"]["pending"] == MANY + 2
    assert report.figures_age == "Numbers of 4 and more were counted 20 minutes ago."


def test_before_many_were_ever_counted_there_are_at_least_so_many() -> None:
    people(MANY + 2)

    report = status()

    assert (report.targets["partner"]["pending"], report.targets["partner"]["at_least"]) == (MANY, ["pending"])
    assert report.headlines["partner"] == "4+ of 4+ people differ at partner. 4+ are on their way."


def test_what_has_become_many_since_the_count_is_at_least_so_many() -> None:
    people(1)
    kept_figures.count()
    people(MANY + 2)

    assert (of_partner("pending"), of_partner("at_least")) == (MANY, ["pending"])


def test_what_has_become_few_since_the_count_is_counted() -> None:
    people(MANY + 2)
    kept_figures.count()
    keys = list(Record.objects.order_by("key").values_list("key", flat=True))
    Record.objects.filter(key__in=keys[2:]).update(parked="invalid")

    assert of_partner("pending") == 2


def test_what_a_person_does_about_few_is_seen_at_once_however_many_others_there_are(sandbox: SandboxControl) -> None:
    people(MANY + 2)
    Record.objects.filter(key=Record.objects.order_by("key")[0].key).update(parked="invalid")
    kept_figures.count()
    assert of_partner("parked") == 1

    look_now(Record.objects.filter(state=State.PARKED))
    pause("partner", reason="the partner asked for it")

    assert of_partner("parked") == 0
    assert status().targets["partner"]["paused"] is True


def test_the_reconciler_counts_in_its_tick() -> None:
    people(MANY + 2)

    tasks.run_reconcile()

    assert (of_partner("pending"), of_partner("at_least")) == (MANY + 2, [])


def test_a_count_that_took_long_is_not_made_again_in_the_next_tick() -> None:
    assert kept_figures.count()
    KeptFigures.objects.update(good_until=protect.clock() + timedelta(seconds=36))

    assert not kept_figures.count()


def test_of_two_processes_one_counts() -> None:
    kept_figures.count()
    KeptFigures.objects.update(good_until=EPOCH)

    assert kept_figures._is_ours()

    assert not kept_figures.count()


@pytest.mark.parametrize("ahead", [timedelta(minutes=5), timedelta(hours=10)], ids=str)
def test_figures_that_were_counted_while_the_databases_clock_was_ahead_are_counted_anew(ahead: timedelta) -> None:
    people(MANY + 2)
    kept_figures.count()
    then = protect.clock() + ahead
    KeptFigures.objects.update(counted_at=then, good_until=then + timedelta(seconds=10))
    age = age_of_figures()
    assert age is not None
    assert age > timedelta(minutes=4).total_seconds()

    assert kept_figures.count()

    assert KeptFigures.objects.get().counted_at < protect.clock() + timedelta(seconds=1)


def test_a_turn_to_count_that_was_taken_while_the_clock_was_ahead_is_taken_anew() -> None:
    kept_figures.count()
    KeptFigures.objects.update(good_until=protect.clock() + timedelta(hours=10))

    assert kept_figures.count()


def test_figures_that_are_older_than_they_should_be_say_so() -> None:
    people(MANY + 2)
    kept_figures.count()
    long_ago = timezone.now() - timedelta(hours=3)
    KeptFigures.objects.update(counted_at=long_ago, good_until=long_ago)

    [old] = [reason for reason in status().reasons if reason.code == "figures_old"]

    assert old.severity is Severity.WAIT
    assert old.sentence.startswith("Numbers of 4 and more have not been counted since ")


def test_old_figures_of_which_none_is_shown_are_nobodys_concern() -> None:
    people(1)
    kept_figures.count()
    KeptFigures.objects.update(counted_at=EPOCH, good_until=EPOCH)

    assert "figures_old" not in [reason.code for reason in status().reasons]


def test_the_oldest_change_and_the_causes_are_told_of_many_too() -> None:
    people(MANY + 2)
    Record.objects.update(owed_since=timezone.now() - timedelta(seconds=90), cause="http_503")
    kept_figures.count()

    report = status()

    assert report.targets["partner"]["oldest_unsynced_seconds"] >= 90
    [failing] = [reason for reason in report.reasons if reason.code == "failing"]
    assert (failing.cause, failing.count) == ("http_503", MANY + 2)


FACES = ["/admin/", "/admin/thirdparty/target/partner/change/", "/admin/thirdparty/record/causes/", "/admin/thirdparty/record/",
         "/admin/users/user/", "/admin/thirdparty/attempt/", "/api/v1/sync/status/", "/metrics"]  # fmt: skip


@pytest.mark.parametrize("face", FACES)
def test_no_face_reads_all_records(face: str, client: Client) -> None:
    people(MANY + 2)
    client.force_login(User.objects.create_superuser("root"))

    with CaptureQueriesContext(connection) as queries:
        assert client.get(face).status_code == 200

    reading = [query["sql"] for query in queries if "FROM thirdparty_record" in query["sql"].replace('"', "")]
    assert [sql for sql in reading if "LIMIT" not in sql and "IN (" not in sql and "object_id" not in sql] == []


def test_the_front_page_says_how_old_the_numbers_are(client: Client) -> None:
    people(MANY + 2)
    client.force_login(User.objects.create_superuser("root"))
    assert ">4+<" in client.get("/admin/").content.decode()

    kept_figures.count()
    KeptFigures.objects.update(counted_at=timezone.now() - timedelta(minutes=20))

    assert "Numbers of 4 and more were counted 20 minutes ago." in client.get("/admin/").content.decode()


def test_an_acknowledgement_is_seen_at_once_while_there_are_few(sandbox: SandboxControl) -> None:
    people(1)
    step(User.objects.get())

    assert (of_partner("synced"), of_partner("pending")) == (1, 0)


@pytest.mark.parametrize("page", ["/admin/thirdparty/record/", "/admin/users/user/"])
def test_a_list_is_counted_as_far_as_its_bound(page: str, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    people(MANY)
    client.force_login(User.objects.create_superuser("root"))
    monkeypatch.setattr(pages, "MOST", MANY - 1)

    shown = client.get(page).context["cl"]

    assert (shown.result_count, str(shown.result_count)) == (MANY - 1, f"{MANY - 1}+")


def test_a_short_list_has_its_number(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    people(MANY)
    client.force_login(User.objects.create_superuser("root"))
    monkeypatch.setattr(pages, "MOST", MANY)

    assert str(client.get("/admin/thirdparty/record/").context["cl"].result_count) == str(MANY)
