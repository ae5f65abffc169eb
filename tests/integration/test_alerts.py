"""People are told what somebody has to act on: once when it begins, once when it has ended, and no more than that."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from threading import enumerate as threads
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone

from tests.integration.alerting import Receiver, pass_time, receiving, tell
from tests.integration.conftest import at_once
from thirdparty import protect, targets
from thirdparty.alerts import look, pruning, sending, standing
from thirdparty.models import Alert, AlertMessage, Audit, Brake, Finding, Record, Target
from thirdparty.run import pause, tick
from thirdparty.tasks import run_reconcile
from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _all_is_well(at_work: None, settings: Any) -> None:
    tick.begin()
    targets.publish_rows()
    Target.objects.update(behind_since=None, swept=True, fence=None)
    settings.SYNC_ALERT_AFTER_SECONDS = 300
    settings.SYNC_ALERT_QUIET_SECONDS = 3600


@pytest.fixture
def by_mail(settings: Any) -> None:
    settings.SYNC_ALERT_EMAILS = "ops@example.org, on-call@example.org"


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    with receiving(settings) as found:
        yield found


def breaks(target: str = "partner") -> None:
    Target.objects.filter(name=target).update(
        breaker="open", breaker_since=timezone.now() - timedelta(minutes=1), failed_for="refused"
    )


def is_mended(target: str = "partner") -> None:
    Target.objects.filter(name=target).update(breaker="closed", breaker_since=None, failed_for="")


def stands_and_is_told() -> None:
    """It begins, stands for long enough, and is told."""
    breaks()
    tell()
    pass_time(minutes=6)
    tell()


def ends_and_is_told() -> None:
    is_mended()
    tell()
    pass_time(minutes=6)
    tell()


def mails() -> list[str]:
    return [each.subject for each in mail.outbox]


# -- when something is told ------------------------------------------------------------------------------


def test_what_has_stood_for_long_enough_is_told_by_mail(by_mail: None, settings: Any) -> None:
    settings.SYNC_ALERT_SITE = "https://sync.example/"
    stands_and_is_told()
    [told] = mail.outbox
    assert told.to == ["ops@example.org", "on-call@example.org"]
    assert told.subject == "[thirdparty] 1 reason to act: partner breaker_open"
    assert "- partner: It has refused connections since " in told.body
    assert "https://sync.example/admin/thirdparty/target/partner/change/" in told.body
    assert Alert.objects.get().told_at is not None


def test_what_has_stood_for_long_enough_is_posted_signed_and_as_json(receiver: Receiver) -> None:
    stands_and_is_told()
    [document] = receiver.documents
    assert document["type"] == "thirdparty.alerts"
    [begun] = document["data"]["begun"]
    assert (begun["code"], begun["target"], begun["link"]) == (
        "breaker_open",
        "partner",
        "/admin/thirdparty/target/partner/change/",
    )
    assert begun["sentence"].startswith("It has refused connections since ")
    assert receiver.posts[0][0]["content-type"] == "application/json"


def test_a_body_that_was_altered_on_its_way_has_another_signature(receiver: Receiver) -> None:
    stands_and_is_told()
    headers, body = receiver.posts[0]
    receiver.posts[0] = (headers, body.replace(b"partner", b"another"))
    with pytest.raises(AssertionError):
        _ = receiver.documents


def latches() -> None:
    Brake.objects.create(
        target="partner", latched_at=timezone.now() - timedelta(minutes=1), reason="too many deletions"
    )


def drifts() -> None:
    now = timezone.now()
    of = {"target": "partner", "kind": "users.user"}
    audit = Audit.objects.create(
        **of, lists=True, looks_up=True, phase="ended", started_at=now, finished_at=now, due_at=now
    )
    Finding.objects.create(
        **of, audit=audit, record="partner:users.user:1", verdict="differing", seen_at=now, confirmed_at=now
    )


def expires() -> None:
    Target.objects.update(behind_since=None)
    ago = timezone.now() - timedelta(days=30)
    Audit.objects.create(
        target="partner", kind="users.user", lists=True, looks_up=True, phase="ended", started_at=ago, finished_at=ago,
        due_at=ago,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("happens", "code", "sentence"),
    [
        (latches, "brake_on", "The brake has been on since "),
        (drifts, "drift", "The last audit found 1 record that is not as it was acknowledged: differing."),
        (expires, "audit_overdue", "No finished audit has compared users.user with what it holds since "),
    ],
    ids=["a latched brake", "drift", "an expired certificate"],
)
def test_what_a_person_has_to_decide_is_told_by_mail_and_posted(
    by_mail: None,
    receiver: Receiver,
    settings: Any,
    partner: Callable[..., None],
    happens: Callable[[], None],
    code: str,
    sentence: str,
) -> None:
    partner(capabilities=("query", "list"))
    settings.SYNC_AUDIT_EVERY_HOURS = 24.0
    happens()
    tell()
    pass_time(minutes=6)
    tell()
    assert mails() == [f"[thirdparty] 1 reason to act: partner {code}"]
    assert f"- partner: {sentence}" in mail.outbox[0].body
    [document] = receiver.documents
    [begun] = document["data"]["begun"]
    assert (begun["code"], begun["target"]) == (code, "partner")


def test_a_blip_is_not_told_and_leaves_nothing(by_mail: None) -> None:
    breaks()
    tell()
    pass_time(minutes=3)
    is_mended()
    tell()
    pass_time(minutes=6)
    tell()
    assert mails() == []
    assert not Alert.objects.exists()


def test_what_is_told_is_told_once(by_mail: None, receiver: Receiver) -> None:
    stands_and_is_told()
    for _ in range(3):
        pass_time(hours=2)
        tell()
    assert len(mails()) == len(receiver.posts) == 1


def test_the_end_is_told_once_with_its_time(by_mail: None, receiver: Receiver) -> None:
    stands_and_is_told()
    ends_and_is_told()
    pass_time(hours=2)
    tell()
    assert mails()[1:] == ["[thirdparty] 1 has ended: partner breaker_open"]
    _, document = receiver.documents
    [ended] = document["data"]["ended"]
    assert (ended["code"], document["data"]["begun"]) == ("breaker_open", [])
    assert ended["ended_at"] < document["timestamp"]
    alert = Alert.objects.get()
    assert alert.ended_at is not None
    assert alert.end_told_at is not None


def test_a_breaker_that_is_half_open_for_a_moment_has_not_ended(by_mail: None) -> None:
    stands_and_is_told()
    Target.objects.update(breaker="half_open")
    tell()
    pass_time(minutes=2)
    breaks()
    tell()
    pass_time(minutes=20)
    tell()
    assert len(mails()) == 1
    assert Alert.objects.get().gone_at is None


def test_what_comes_back_within_the_quiet_time_is_not_told_again(by_mail: None) -> None:
    stands_and_is_told()
    for _ in range(3):
        ends_and_is_told()
        stands_and_is_told()
    assert mails() == [
        "[thirdparty] 1 reason to act: partner breaker_open",
        "[thirdparty] 1 has ended: partner breaker_open",
    ]


def test_what_comes_back_and_stays_is_told_after_the_quiet_time(by_mail: None) -> None:
    stands_and_is_told()
    ends_and_is_told()
    stands_and_is_told()
    pass_time(hours=1)
    tell()
    assert len(mails()) == 3
    assert mails()[2].startswith("[thirdparty] 1 reason to act")


def test_what_begins_together_is_one_message(by_mail: None) -> None:
    User.objects.create_user(name="Ada", phone="1")
    Record.objects.update(parked="invalid", due_at=None)
    stands_and_is_told()
    assert len(mails()) == 1
    assert "2 reasons to act" in mails()[0]


def test_what_begins_soon_after_a_message_waits_for_the_next(by_mail: None) -> None:
    stands_and_is_told()
    pause.pause("partner", reason="")
    tell()
    Alert.objects.filter(code="paused").update(first_seen_at=timezone.now() - timedelta(hours=1))
    tell()
    assert len(mails()) == 1
    pass_time(minutes=6)
    tell()
    assert len(mails()) == 2


def test_what_mends_itself_is_not_told(by_mail: None) -> None:
    Target.objects.update(breaker="half_open", breaker_since=timezone.now())
    tell()
    assert not Alert.objects.exists()


def test_without_a_delay_it_is_told_in_the_same_look(by_mail: None, settings: Any) -> None:
    settings.SYNC_ALERT_AFTER_SECONDS = 0
    breaks()
    tell()
    assert len(mails()) == 1


def test_where_nobody_is_to_be_told_nothing_is_written() -> None:
    breaks()
    tell()
    pass_time(hours=1)
    tell()
    assert not Alert.objects.exists()
    assert not AlertMessage.objects.exists()


def test_a_target_of_other_processes_is_left_as_it_is(by_mail: None, settings: Any) -> None:
    stands_and_is_told()
    settings.SYNC_TARGETS = {}
    tell()
    pass_time(hours=1)
    tell()
    assert Alert.objects.get(target="partner").ended_at is None
    Target.objects.update(enabled=False)
    tell()
    pass_time(minutes=6)
    tell()
    assert Alert.objects.get(target="partner").ended_at is not None


def test_after_a_clock_was_set_back_an_alert_stands_from_now_on(by_mail: None) -> None:
    breaks()
    tell()
    pass_time(days=-3)
    tell()
    pass_time(minutes=6)
    tell()
    assert len(mails()) == 1


# -- what is told ----------------------------------------------------------------------------------------


def test_nothing_of_a_person_is_told(by_mail: None, receiver: Receiver) -> None:
    ada = User.objects.create_user(name="Ada Lovelace", phone="+44 20 7946 0123", email="ada@example.org")
    Record.objects.update(
        parked="invalid", cause="invalid", last_error="invalid: Ada Lovelace, +44 20 7946 0123", due_at=None
    )
    pause.pause("partner", reason="Ada Lovelace (+44 20 7946 0123) asked for it")
    stands_and_is_told()
    assert {"paused", "parked", "breaker_open"} == {each["code"] for each in receiver.documents[0]["data"]["begun"]}
    told = receiver.posts[0][1].decode() + mail.outbox[0].subject + str(mail.outbox[0].body)
    for word in (ada.username, "Ada", "Lovelace", "7946", "ada@example.org", ada.uuid.hex, str(ada.uuid)):
        assert word not in told
    assert "A person has paused it." in told


# -- sending ---------------------------------------------------------------------------------------------


def test_two_looks_at_once_tell_once(by_mail: None, receiver: Receiver) -> None:
    breaks()
    tell()
    pass_time(minutes=6)
    at_once(tell, tell, tell)
    assert len(mails()) == len(receiver.posts) == 1


def test_who_has_read_the_clock_a_moment_earlier_takes_nothing_that_is_claimed(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    breaks()
    tell()
    pass_time(minutes=6)
    look.look()
    pass_time(minutes=1)
    earlier = protect.clock() - timedelta(milliseconds=200)
    assert sending.claim("webhook") is not None
    monkeypatch.setattr(protect, "clock", lambda: earlier)
    assert sending.claim("webhook") is None


def test_what_one_look_has_announced_no_other_does(by_mail: None) -> None:
    breaks()
    tell()
    pass_time(minutes=6)
    now = timezone.now()
    announced = at_once(lambda: standing.announce(now), lambda: standing.announce(now))
    assert sorted(announced) == [False, True]
    assert AlertMessage.objects.count() == 1


def test_a_webhook_that_fails_is_tried_again_and_gets_it_once_under_the_same_id(receiver: Receiver) -> None:
    receiver.statuses = [500, 302]
    stands_and_is_told()
    assert AlertMessage.objects.get().failure == "HTTP 500"
    assert Alert.objects.get().told_at is None
    tell()
    assert len(receiver.posts) == 1  # not at once
    for _ in range(4):
        pass_time(minutes=2)
        tell()
    assert len(receiver.posts) == 3
    assert len(set(receiver.ids)) == 1
    assert len({body for _, body in receiver.posts}) == 1
    assert len(receiver.documents) == 3  # each try is signed
    assert Alert.objects.get().told_at is not None


def test_one_way_that_fails_keeps_no_other_from_telling(by_mail: None, receiver: Receiver) -> None:
    receiver.statuses = [503] * 10
    stands_and_is_told()
    assert len(mails()) == 1
    assert AlertMessage.objects.get(way="email").delivered_at is not None
    assert AlertMessage.objects.get(way="webhook").delivered_at is None


def test_a_way_that_takes_nothing_is_told_of_by_the_other(by_mail: None, receiver: Receiver) -> None:
    receiver.statuses = [503] * 100
    stands_and_is_told()
    for _ in range(2):
        pass_time(minutes=11)
        tell()
    told = mail.outbox[1]
    assert "alerts_not_told" in told.subject
    assert "Alerts have not been taken by webhook since " in told.body
    assert "HTTP 503" in told.body
    receiver.statuses = []
    for _ in range(3):
        pass_time(minutes=20)
        tell()
    assert mails()[2:] == ["[thirdparty] 1 has ended: alerts_not_told"]
    assert AlertMessage.objects.filter(delivered_at=None).count() == 0


def test_the_end_is_not_told_before_the_beginning(receiver: Receiver) -> None:
    receiver.statuses = [500, 500]
    stands_and_is_told()
    ends_and_is_told()
    pass_time(minutes=20)
    tell()
    told = [bool(document["data"]["begun"]) for document in receiver.documents]
    assert told == [True, True, True, False]


def test_what_a_process_that_died_had_claimed_is_sent_under_the_same_id(receiver: Receiver) -> None:
    breaks()
    tell()
    pass_time(minutes=6)
    look.look()
    claimed = sending.claim("webhook")
    assert claimed is not None
    tell()
    assert receiver.posts == []
    pass_time(minutes=6)
    tell()
    assert receiver.ids == [claimed.message]


def test_news_of_yesterday_are_given_up(receiver: Receiver) -> None:
    receiver.statuses = [500]
    stands_and_is_told()
    pass_time(hours=25)
    tell()
    assert len(receiver.posts) == 1
    assert AlertMessage.objects.get().given_up_at is not None


def test_a_server_that_does_not_answer_delays_no_tick(receiver: Receiver) -> None:
    breaks()
    tell()
    pass_time(minutes=6)
    receiver.silent.set()
    run_reconcile()
    [sender] = [thread for thread in threads() if thread.name == "alerts-webhook"]
    assert receiver.asked.wait(30)
    assert sender.is_alive()  # nobody has answered, and the tick is over
    run_reconcile()  # and so is the next one, which leaves the message to who has it
    receiver.released.set()
    sender.join()
    assert len(receiver.posts) == 1
    assert AlertMessage.objects.get().delivered_at is None


def test_a_mail_server_that_does_not_take_it_is_tried_again(by_mail: None, settings: Any) -> None:
    locmem = settings.EMAIL_BACKEND
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    stands_and_is_told()
    assert AlertMessage.objects.get().failure == "ConnectionRefusedError"
    settings.EMAIL_BACKEND = locmem
    pass_time(minutes=20)
    tell()
    [told] = mail.outbox
    assert told.extra_headers["Message-ID"].startswith(f"<{AlertMessage.objects.get().message}@")


def test_a_way_that_is_configured_no_more_is_not_gone(receiver: Receiver, settings: Any) -> None:
    receiver.statuses = [500]
    stands_and_is_told()
    settings.SYNC_ALERT_WEBHOOK_URL = ""
    pass_time(minutes=20)
    tell()
    assert len(receiver.posts) == 1
    assert AlertMessage.objects.get().given_up_at is None


def test_what_waits_for_a_way_that_was_removed_is_given_up_and_says_why(receiver: Receiver, settings: Any) -> None:
    receiver.statuses = [500]
    stands_and_is_told()
    settings.SYNC_ALERT_WEBHOOK_URL = ""
    pass_time(minutes=61)
    tell()
    assert len(receiver.posts) == 1
    message = AlertMessage.objects.get()
    assert (message.given_up_at is not None, message.failure) == (True, "the settings name this way no more")


# -- afterwards ------------------------------------------------------------------------------------------


def test_what_is_over_is_forgotten_after_a_while(by_mail: None) -> None:
    stands_and_is_told()
    ends_and_is_told()
    stands_and_is_told()
    assert pruning.prune_some(timedelta(days=1)) == 0
    pass_time(days=2)
    assert pruning.prune_some(timedelta(days=1)) == 3
    assert Alert.objects.get().ended_at is None
