"""How alerts are set up, tried and looked at: system checks, ``sync alerts``, the admin's list."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core import mail
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from tests.integration.alerting import SECRET, Receiver, pass_time, receiving, tell
from thirdparty import checks, targets
from thirdparty.alerts.checks import alerts_can_be_sent
from thirdparty.models import Alert, AlertMessage, Target
from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _all_is_well(at_work: None) -> None:
    targets.publish_rows()
    Target.objects.update(behind_since=None, swept=True, fence=None)


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    with receiving(settings) as found:
        yield found


def alerts(*arguments: str) -> str:
    out = StringIO()
    call_command("sync", "alerts", *arguments, stdout=out)
    return out.getvalue()


def found() -> list[tuple[str | None, str]]:
    return [(problem.id, problem.msg) for problem in alerts_can_be_sent()]


# -- setting it up ---------------------------------------------------------------------------------------


def test_a_webhook_with_its_secret_is_no_problem(settings: Any) -> None:
    settings.SYNC_ALERT_WEBHOOK_URL = "https://hooks.example/alerts?team=ops"
    settings.SYNC_ALERT_WEBHOOK_SECRET = SECRET
    assert found() == []


@pytest.mark.parametrize(
    ("url", "secret", "complaint"),
    [
        ("https://hooks.example", "", "SYNC_ALERT_WEBHOOK_SECRET is not set, and SYNC_ALERT_WEBHOOK_URL is"),
        ("https://hooks.example", "hunter2", "SYNC_ALERT_WEBHOOK_SECRET does not begin with whsec_"),
        ("https://hooks.example", "whsec_aHVudGVyMg==", "SYNC_ALERT_WEBHOOK_SECRET holds 7 bytes"),
        (
            "http://hooks.example",
            SECRET,
            "SYNC_ALERT_WEBHOOK_URL is not https; set SYNC_ALERT_WEBHOOK_ALLOW_HTTP=true",
        ),
        ("hooks.example", SECRET, "SYNC_ALERT_WEBHOOK_URL is no full address"),
        ("https://me:hunter2@hooks.example", SECRET, "SYNC_ALERT_WEBHOOK_URL must hold no credentials"),
    ],
)
def test_what_cannot_be_is_refused_at_the_start_by_name(settings: Any, url: str, secret: str, complaint: str) -> None:
    settings.SYNC_ALERT_WEBHOOK_URL = url
    settings.SYNC_ALERT_WEBHOOK_SECRET = secret
    [(number, message)] = found()
    assert number == "thirdparty.E012"
    assert message.startswith(complaint)
    assert "hunter2" not in message
    hint = "token_bytes" if "_SECRET " in complaint else "E.g. https://"
    with pytest.raises(ImproperlyConfigured, match=hint):
        checks.require_sound()


def test_a_site_that_is_no_address_is_refused_by_name(settings: Any) -> None:
    settings.SYNC_ALERT_SITE = "sync.example"
    [(number, message)] = found()
    assert number == "thirdparty.E013"
    assert message.startswith("SYNC_ALERT_SITE is no full address")


def test_a_secret_without_an_address_is_a_warning(settings: Any) -> None:
    settings.SYNC_ALERT_WEBHOOK_SECRET = SECRET
    assert [number for number, _ in found()] == ["thirdparty.W023"]


def test_an_http_address_that_is_not_allowed_is_not_posted_to(receiver: Receiver, settings: Any) -> None:
    settings.SYNC_ALERT_WEBHOOK_ALLOW_HTTP = False
    settings.SYNC_ALERT_AFTER_SECONDS = 0
    Target.objects.update(breaker="open", breaker_since=timezone.now(), failed_for="refused")
    tell()
    assert receiver.posts == []
    assert AlertMessage.objects.get().failure.startswith("SYNC_ALERT_WEBHOOK_URL is not https")


def test_what_is_no_mail_address_is_refused_by_name(settings: Any) -> None:
    settings.SYNC_ALERT_EMAILS = ["ops@example.org", "on call"]
    with pytest.raises(ImproperlyConfigured, match="SYNC_ALERT_EMAILS names 'on call'"):
        tell()


# -- trying it -------------------------------------------------------------------------------------------


def test_a_test_goes_each_configured_way_and_is_kept_nowhere(receiver: Receiver, settings: Any) -> None:
    settings.SYNC_ALERT_EMAILS = ["ops@example.org"]
    assert alerts("--test").splitlines() == ["webhook: taken (HTTP 204)", "email: taken (to 1)"]
    assert [document["type"] for document in receiver.documents] == ["thirdparty.test"]
    assert [each.subject for each in mail.outbox] == ["[thirdparty] This is a test of the alerts: nobody has to act."]
    assert not AlertMessage.objects.exists()


def test_a_test_that_is_not_taken_says_why_and_fails(receiver: Receiver) -> None:
    receiver.statuses = [403]
    out = StringIO()
    with pytest.raises(CommandError, match="not taken by webhook"):
        call_command("sync", "alerts", "--test", stdout=out)
    assert out.getvalue().splitlines() == ["webhook: not taken (HTTP 403)"]


def test_where_nobody_is_told_the_command_says_which_settings_it_takes() -> None:
    for arguments in ((), ("--test",)):
        with pytest.raises(CommandError, match="SYNC_ALERT_EMAILS"):
            alerts(*arguments)


def test_without_workers_the_command_tells_people_that_there_are_none(settings: Any) -> None:
    settings.SYNC_ALERT_EMAILS = ["ops@example.org"]
    settings.SYNC_ALERT_AFTER_SECONDS = 0
    assert alerts().strip() == "nothing stands that somebody has to act on"
    Target.objects.update(breaker="open", breaker_since=timezone.now(), failed_for="refused")
    printed = alerts()
    assert "breaker_open" in printed
    assert "It has refused connections since" in printed
    assert len(mail.outbox) == 1


# -- looking at it ---------------------------------------------------------------------------------------


def page_for(*rights: str) -> Any:
    from django.contrib.auth.models import Permission

    account = User.objects.create_user(name="Op", phone="1", is_staff=True)
    account.user_permissions.set(Permission.objects.filter(codename__in=rights, content_type__app_label="thirdparty"))
    client = Client()
    client.force_login(account)
    return client.get("/admin/thirdparty/alert/")


def test_the_list_says_when_people_were_told_and_why_not_yet(receiver: Receiver, settings: Any) -> None:
    settings.SYNC_ALERT_AFTER_SECONDS = 60
    Target.objects.update(breaker="open", breaker_since=timezone.now(), failed_for="refused")
    tell()
    assert "not yet" in page_for("view_record").content.decode()
    receiver.statuses = [502]
    pass_time(minutes=2)
    tell()
    assert "HTTP 502" in page_for("view_record").content.decode()
    pass_time(minutes=5)
    tell()
    page = page_for("view_record").content.decode()
    assert "HTTP 502" not in page
    assert f"{timezone.localtime(Alert.objects.get().told_at):%H:%M:%S}" in page
    assert "breaker_open" in page
    assert "/admin/thirdparty/target/partner/change/" in page


def test_the_list_is_for_whoever_may_see_records_and_only_to_be_read() -> None:
    Alert.objects.create(code="no_worker", sentence="No worker.", first_seen_at=timezone.now() - timedelta(hours=1))
    assert page_for("view_alert").status_code == 403
    answer = page_for("view_record")
    assert answer.status_code == 200
    assert "Add alert" not in answer.content.decode()
