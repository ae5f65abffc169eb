"""Why the whole is not well: each reason alone, in one list that every face shows."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db.models.functions import Now
from django.test import Client
from django.utils import timezone

from tests.integration.conftest import converge, seen_at, step
from thirdparty import protect, targets
from thirdparty.capture import triggers
from thirdparty.capture.triggers import version
from thirdparty.models import Audit, Finding, Heartbeat, Record, Target, Tick
from thirdparty.notify.broker import Publisher
from thirdparty.observe import reasons as reasons_module
from thirdparty.observe.reasons import OF_RECORDS, OF_SERVICE, OF_TARGETS, Reason, Severity, of_the_service, reasons
from thirdparty.observe.status import status
from thirdparty.run import pause, reconcile, tick
from thirdparty.run.heartbeat import Heart, Role
from thirdparty.sandbox.client import SandboxControl
from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)
ROOT = Path(__file__).resolve().parents[2]
LATE = timedelta(minutes=5)


@pytest.fixture(autouse=True)
def _all_is_well(at_work: None) -> None:
    tick.begin()
    targets.publish_rows()
    Target.objects.update(behind_since=None, swept=True, fence=None)


def codes() -> list[str]:
    return [reason.code for reason in reasons()]


def only() -> Reason:
    [reason] = reasons()
    return reason


def person(**values: Any) -> User:
    made: User = User.objects.create_user(**({"name": "Ada", "phone": "1"} | values))
    return made


def test_where_all_is_well_there_is_no_reason() -> None:
    assert reasons() == []
    assert status().healthy


# -- the service -------------------------------------------------------------------------------------


def test_triggers_that_are_missing() -> None:
    triggers.drop()
    try:
        assert only().code == "triggers_missing"
        assert only().sentence.startswith("Changes are not recorded")
        assert "Run python manage.py migrate" in only().sentence
    finally:
        triggers.install()


def test_triggers_of_an_older_version_record_still(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(version, "VERSION", version.VERSION + 1)
    assert only().code == "triggers_missing"
    assert only().sentence.startswith("Changes are recorded as an older version asks")
    assert "Run python manage.py migrate" in only().sentence


def test_a_target_that_nothing_is_recorded_for(settings: Any) -> None:
    settings.SYNC_TARGETS = {**settings.SYNC_TARGETS, "saas": settings.SYNC_TARGETS["partner"]}
    assert (only().code, only().target) == ("not_recorded", "saas")


def test_a_target_that_is_away() -> None:
    Target.objects.update(enabled=False)
    assert (only().code, only().target, only().severity) == ("away", "partner", Severity.ACT)


def test_no_worker_has_ever_been_seen() -> None:
    Heartbeat.objects.filter(role=Role.WORKER).delete()
    assert (only().code, only().sentence, only().since) == ("no_worker", "No worker has been seen yet.", None)
    assert not status().healthy


def test_no_worker_has_been_seen_for_a_while() -> None:
    seen_at(Role.WORKER, LATE)
    assert only().code == "no_worker"
    assert only().sentence.startswith("No worker has been seen since ")
    assert only().since == Heartbeat.objects.get(role=Role.WORKER).seen_at


def test_a_worker_that_takes_another_queue_does_not_count() -> None:
    Heartbeat.objects.filter(role=Role.WORKER).update(queues=["mails"])
    assert only().sentence == "Workers run, and none of them takes the queue thirdparty."


def test_a_worker_seen_in_the_future_is_of_a_clock_that_has_been_set_back() -> None:
    seen_at(Role.WORKER, -timedelta(hours=1))
    assert codes() == ["no_worker"]


def test_beat_is_silent_and_no_tick_has_come() -> None:
    Tick.objects.update(at=timezone.now() - LATE)
    seen_at(Role.BEAT, LATE)
    assert only().code == "beat_silent"
    assert only().sentence.startswith("Beat has not been seen since ")
    Heartbeat.objects.filter(role=Role.BEAT).delete()
    assert only().sentence == "Beat has not been seen yet."


def test_where_ticks_come_nobody_asks_who_begins_them() -> None:
    Heartbeat.objects.filter(role=Role.BEAT).delete()
    assert tick.begin(anyway=True)
    assert reasons() == []


def test_worker_and_beat_are_there_and_no_tick_comes() -> None:
    Tick.objects.update(at=timezone.now() - timedelta(hours=1))
    assert only().code == "tick_late"
    assert "1 hour" in only().sentence or "60 minutes" in only().sentence


def test_the_broker_does_not_answer_the_process_that_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("thirdparty.notify.broker.has_application", lambda: True)
    monkeypatch.setattr(Publisher, "down", True)
    assert (only().code, only().since) == ("broker_unreachable", None)


def test_the_broker_does_not_answer_a_worker() -> None:
    Heartbeat.objects.filter(role=Role.WORKER).update(broker_down_since=timezone.now())
    assert only().code == "broker_unreachable"
    assert only().since is not None


def test_readiness_shows_the_reasons_of_the_service_and_takes_no_requests_only_where_they_would_be_lost() -> None:
    Heartbeat.objects.all().delete()
    answer = Client().get("/health/ready/")
    assert (answer.status_code, answer.json()["warnings"]) == (200, ["No worker has been seen yet."])
    triggers.drop()
    try:
        assert Client().get("/health/ready/").status_code == 503
    finally:
        triggers.install()


def test_what_readiness_tells_everybody_counts_no_record(django_assert_max_num_queries: Any) -> None:
    with django_assert_max_num_queries(8) as asked:
        of_the_service()
    assert not [
        query["sql"] for query in asked if "thirdparty_record" in query["sql"] and "count" in query["sql"].lower()
    ]


# -- the heartbeat -----------------------------------------------------------------------------------


def test_a_process_is_seen_from_its_first_beat_on() -> None:
    Heartbeat.objects.all().delete()
    heart = Heart(Role.WORKER, "celery@here", ["thirdparty", "mails"])
    heart.beat()
    row = Heartbeat.objects.get()
    assert (row.name, row.queues, row.broker_down_since) == ("worker:celery@here", ["mails", "thirdparty"], None)
    heart.beat()
    again = Heartbeat.objects.get()
    assert again.started_at == row.started_at
    assert again.seen_at >= row.seen_at


def test_a_process_that_starts_anew_under_the_same_name_has_been_there_since_then() -> None:
    Heart(Role.WORKER, "celery@here").beat()
    long_ago = timezone.now() - timedelta(hours=3)
    Heartbeat.objects.filter(name="worker:celery@here").update(started_at=long_ago)

    Heart(Role.WORKER, "celery@here").beat()

    assert Heartbeat.objects.get(name="worker:celery@here").started_at > long_ago


def test_a_beat_tells_since_when_no_broker_answers_and_no_longer_once_one_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    heart = Heart(Role.BEAT, "here")
    monkeypatch.setattr(Publisher, "answers", lambda _: False)
    heart.look_for_broker()
    heart.beat()
    since = Heartbeat.objects.get(name=heart.name).broker_down_since
    heart.beat()
    assert since is not None
    assert Heartbeat.objects.get(name=heart.name).broker_down_since == since
    monkeypatch.setattr(Publisher, "answers", lambda _: True)
    heart.look_for_broker()
    heart.beat()
    assert Heartbeat.objects.get(name=heart.name).broker_down_since is None


def test_who_has_been_gone_for_a_day_is_forgotten() -> None:
    seen_at(Role.WORKER, timedelta(hours=23))
    seen_at(Role.BEAT, timedelta(hours=25))
    reconcile.prune()
    assert [row.role for row in Heartbeat.objects.all()] == [Role.WORKER]


def test_a_heart_whose_table_is_missing_harms_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    from django.db import OperationalError

    def fails(*_: Any, **__: Any) -> None:
        raise OperationalError("no such table")

    monkeypatch.setattr(Heart, "_write", fails)
    Heart(Role.WORKER, "x").beat()


# -- targets -----------------------------------------------------------------------------------------


def test_a_target_that_refuses_connections(partner: Callable[..., None]) -> None:
    people = [person(name=f"Ada {nth}", phone=str(nth)) for nth in range(6)]
    for each in people:
        step(each)
    opened = Target.objects.get()
    assert opened.breaker == "open"
    assert opened.breaker_since is not None
    reason, failing = reasons()
    assert (failing.code, failing.cause, failing.count) == ("failing", "refused", 5)
    assert (reason.code, reason.severity, reason.since) == ("breaker_open", Severity.ACT, opened.breaker_since)
    assert re.fullmatch(r"It has refused connections since \d\d:\d\d UTC\.", reason.sentence)
    assert reason.link is not None
    assert reason.link.url == "/admin/thirdparty/target/partner/change/"


def test_since_when_a_breaker_is_open_outlasts_its_probes(sandbox: SandboxControl) -> None:
    Target.objects.update(
        breaker="open", breaker_since=timezone.now() - LATE, blocked_until=None, failed_for="http_503"
    )
    since = Target.objects.get().breaker_since
    sandbox.faults(rates={"503": 1})
    step(person())
    assert Target.objects.get().breaker_since == since
    sandbox.heal()
    converge()
    assert (Target.objects.get().breaker, Target.objects.get().breaker_since) == ("closed", None)


def test_a_target_that_is_tried_again_needs_nobody() -> None:
    Target.objects.update(breaker="half_open", breaker_since=timezone.now())
    assert (only().code, only().severity) == ("half_open", Severity.WAIT)
    assert status().healthy


def test_a_target_that_turns_us_away_names_the_setting_of_its_secret(sandbox: SandboxControl) -> None:
    sandbox.faults(rates={"401": 1})
    step(person())
    reason = next(reason for reason in reasons() if reason.code == "turned_away")
    assert reason.severity is Severity.ACT
    assert reason.since == Target.objects.get().paused_since
    assert "(http_401). Mend TARGET_PARTNER_APP_SECRET, then restart web, workers and beat." in reason.sentence
    assert "DEFAULT_PASSWORD" not in reason.sentence
    sandbox.heal()
    protect.resume("partner")
    assert Target.objects.get().paused_since is None


@pytest.mark.parametrize(
    ("why", "setting"),
    [
        ("tls", "TARGET_PARTNER_CA_BUNDLE"),
        ("http_407", "TARGET_PARTNER_PROXY"),
        ("http_302", "TARGET_PARTNER_BASE_URL"),
    ],
)
def test_each_way_of_being_turned_away_names_its_own_settings(why: str, setting: str) -> None:
    Target.objects.update(paused=True, paused_by_guard=True, failed_for=why)
    assert setting in only().sentence


def test_a_target_that_a_person_paused_says_who_and_why() -> None:
    pause.pause("partner", reason="they move house", by=User.objects.create_superuser("root"))
    assert only().code == "paused"
    assert re.fullmatch(r"It has been paused by root since .*: they move house\.", only().sentence)
    pause.resume("partner")
    assert reasons() == []
    pause.pause("partner", reason="")
    assert "by somebody" in only().sentence


def test_a_target_that_asked_for_silence() -> None:
    Target.objects.update(blocked_until=timezone.now() + LATE)
    assert (only().code, only().severity) == ("silence", Severity.WAIT)


def test_a_look_up_that_turned_out_to_be_missing_names_the_setting() -> None:
    Target.objects.update(capabilities_off=["query"], capabilities_off_until=timezone.now() + LATE)
    assert (only().code, only().severity) == ("capability_off", Severity.WAIT)
    assert "TARGET_PARTNER_CAPABILITIES" in only().sentence


def test_a_target_that_is_sent_little_after_trouble_is_no_fault() -> None:
    Target.objects.update(rate_limit=5.0, rate_set_at=timezone.now(), rate_climb=0.001)
    assert (only().code, only().severity) == ("slowed", Severity.INFO)
    assert status().healthy


# -- records -----------------------------------------------------------------------------------------


def test_parked_records_are_told_by_cause_with_their_number_and_since_when() -> None:
    for nth in range(3):
        person(name=f"Ada {nth}", phone=str(nth))
    keys = list(Record.objects.order_by("key").values_list("key", flat=True))
    Record.objects.filter(key__in=keys[:2]).update(
        parked="invalid", due_at=None, owed_since=timezone.now() - 10 * LATE
    )
    Record.objects.filter(key=keys[2]).update(parked="unmapped_role", due_at=None)
    found = {reason.cause: reason for reason in reasons()}
    assert {cause: reason.count for cause, reason in found.items()} == {"invalid": 2, "unmapped_role": 1}
    assert found["invalid"].sentence == "2 people are parked: invalid."
    assert found["invalid"].since == Record.objects.filter(parked="invalid")[0].owed_since
    assert found["invalid"].example == keys[0]
    assert found["invalid"].link is not None
    assert "sync_state=parked&target=partner&cause=invalid" in found["invalid"].link.url
    assert not status().healthy


def test_what_is_owed_for_hours_is_a_reason_and_what_is_parked_does_not_count_for_it() -> None:
    person()
    Record.objects.update(owed_since=timezone.now() - timedelta(hours=2), parked="invalid")
    assert codes() == ["parked"]
    assert status().targets["partner"]["oldest_unsynced_seconds"] is None
    Record.objects.update(parked="")
    assert (only().code, only().count) == ("behind", 1)
    assert "2 hours" in only().sentence


def test_a_backfill_and_catching_up_are_no_faults_before_they_take_hours() -> None:
    Target.objects.update(behind_since=Now(), backfill=True)
    assert (only().code, only().severity) == ("backfill", Severity.INFO)
    Target.objects.update(backfill=False)
    assert (only().code, only().severity) == ("catching_up", Severity.INFO)
    assert status().healthy
    Target.objects.update(behind_since=timezone.now() - timedelta(hours=2))
    assert (only().code, only().severity) == ("catching_up_late", Severity.ACT)


# -- in one line -------------------------------------------------------------------------------------


def headline() -> str:
    return status().headlines["partner"]


def test_a_target_where_nothing_is_to_be() -> None:
    assert headline() == "Nothing is to be at partner yet."


def test_a_target_that_is_level() -> None:
    person()
    Record.objects.update(synced_generation=1, owed_since=None, due_at=None)
    assert headline() == "1 person is level at partner."


def test_a_target_that_is_not_level_and_works() -> None:
    person()
    person(name="Eva", phone="2")
    Record.objects.filter(key=Record.objects.all()[0].key).update(synced_generation=1, owed_since=None, due_at=None)
    assert headline() == "1 of 2 people differs at partner. 1 is on its way."


def test_a_target_that_is_neither_level_nor_working() -> None:
    for nth in range(4):
        person(name=f"Ada {nth}", phone=str(nth))
    keys = list(Record.objects.values_list("key", flat=True))
    Record.objects.filter(key=keys[0]).update(synced_generation=1, owed_since=None, due_at=None)
    Record.objects.filter(key=keys[1]).update(parked="invalid")
    Target.objects.update(breaker="open", breaker_since=timezone.now(), failed_for="refused")
    assert re.fullmatch(
        r"3 of 4 people differ at partner\. It has refused connections since \d\d:\d\d UTC; "
        r"2 wait by themselves, 1 needs you\.",
        headline(),
    )


def test_a_per_cent_sign_that_somebody_typed_is_shown_as_it_is() -> None:
    person()
    pause.pause("partner", reason="100% of %(them)s are wrong")
    assert "100% of %(them)s are wrong; 1 waits by itself." in headline()


# -- audits ------------------------------------------------------------------------------------------


def audited(*, hours_ago: float, **columns: Any) -> Audit:
    at = protect.clock() - timedelta(hours=hours_ago)
    given = {"target": "partner", "kind": "users.user", "lists": True, "looks_up": True, "phase": "ended"}
    return Audit.objects.create(**given | {"started_at": at, "finished_at": at, "due_at": at} | columns)


def found(audit: Audit, *verdicts: str) -> None:
    for nth, verdict in enumerate(verdicts):
        Finding.objects.create(
            audit=audit, target="partner", kind="users.user", record=f"partner:users.user:{nth}", verdict=verdict,
            seen_at=audit.started_at, confirmed_at=audit.started_at,
        )  # fmt: skip


@pytest.mark.parametrize(
    ("verdicts", "sentence"),
    [
        (["differing"], "The last audit found 1 record that is not as it was acknowledged: differing."),
        (["missing", "missing"], "The last audit found 2 records that are not as they were acknowledged: missing."),
        (
            ["missing", "differing"],
            "The last audit found 2 records that are not as they were acknowledged: 1 missing, 1 differing.",
        ),
    ],
    ids=str,
)
def test_a_drift_says_each_number_once(verdicts: list[str], sentence: str) -> None:
    found(audited(hours_ago=1), *verdicts)
    [reason] = [reason for reason in reasons() if reason.code == "drift"]
    assert (reason.sentence, reason.severity) == (sentence, Severity.ACT)


# -- every face --------------------------------------------------------------------------------------


@pytest.fixture
def paused_and_parked() -> None:
    person()
    Record.objects.update(parked="invalid", due_at=None)
    Target.objects.update(breaker="open", breaker_since=timezone.now(), failed_for="timeout")


def test_command_api_metrics_and_admin_show_the_same_reasons(paused_and_parked: None) -> None:
    out = StringIO()
    call_command("sync", "status", "--json", stdout=out)
    told = json.loads(out.getvalue())
    sentences = [reason["sentence"] for reason in told["reasons"]]
    assert [reason["code"] for reason in told["reasons"]] == ["breaker_open", "parked"]
    assert (told["reasons"][1]["count"], told["reasons"][1]["cause"], told["healthy"]) == (1, "invalid", False)

    web = Client()
    web.force_login(User.objects.create_superuser("root"))
    over_http = web.get("/api/v1/sync/status/").json()
    assert over_http["reasons"][0]["sentence"] == sentences[0]
    assert over_http["headlines"] == told["headlines"]
    page = web.get("/admin/").content.decode()
    assert all(sentence in page for sentence in sentences)
    assert told["headlines"]["partner"] in page
    assert "at work: 1 worker, 1 beat" in page

    figures = web.get("/metrics").content.decode().splitlines()
    assert 'usersync_reasons{code="parked",severity="act",target="partner"} 1.0' in figures
    assert "usersync_healthy 0.0" in figures


def test_the_status_for_people_fits_eighty_columns(paused_and_parked: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("thirdparty.management.sync.terminal._PLAIN_WIDTH", 80)
    Heartbeat.objects.all().delete()
    out = StringIO()
    call_command("sync", "status", stdout=out)
    printed = out.getvalue()
    assert max(map(len, printed.splitlines())) <= 80
    assert "No worker has been seen yet." in printed
    assert "1 parked" in printed


def test_one_more_reason_is_one_function(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        reasons_module, "OF_RECORDS", [lambda _: [Reason("odd", Severity.ACT, "It is odd.", "partner")]]
    )
    assert codes() == ["odd"]
    assert not status().healthy


def test_the_table_of_reasons_in_the_documents_has_each_code_of_the_code_and_no_other() -> None:
    page = (ROOT / "docs" / "operations.md").read_text()
    table = page.split("## Reasons\n")[1].split("\n## ")[0]
    documented = set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE))
    written: set[str] = set()
    for source in (ROOT / "thirdparty" / "observe" / "reasons").glob("of_*.py"):
        written |= set(re.findall(r'(?:Reason|_of_cause)\(\s*"(\w+)"', source.read_text()))
    assert documented == written
    assert len(OF_SERVICE) + len(OF_TARGETS) + len(OF_RECORDS) > 10
