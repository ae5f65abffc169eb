"""What people see of the brake, and decide about it: command line, API, admin."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import translation

from tests.integration.braking import deletions, latched, people, states, work
from tests.integration.conftest import row_of
from thirdparty import checks
from thirdparty.models import BrakeDecision, Record
from thirdparty.sandbox.client import SandboxControl
from thirdparty.settings import settings as engine
from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)

API = "/api/v1/sync/targets/partner/brake/"
PAGE = "/admin/thirdparty/target/partner/brake/"


@pytest.fixture
def olga() -> User:
    return User.objects.create_superuser("olga")


@pytest.fixture
def web(olga: User) -> Client:
    client = Client()
    client.force_login(olga)
    return client


@pytest.fixture
def gone(sandbox: SandboxControl, settings: Any, olga: User) -> list[User]:
    """Ten people whom the brake keeps at the target."""
    settings.SYNC_BRAKE_MIN, settings.SYNC_BRAKE_PERCENT = 5, 0
    made = people(10)
    User.objects.filter(pk__in=[user.pk for user in made]).delete()
    work()
    assert latched()
    return made


def command(*words: str) -> str:
    out = StringIO()
    call_command("sync", *words, stdout=out)
    return out.getvalue()


def test_the_command_shows_the_plan_and_decides_nothing(gone: list[User]) -> None:
    text = command("release", "partner", "--plan")
    assert "10 of the 10 records" in text
    assert "10 records wait: 10 delete" in text
    assert row_of(gone[0]).key in text
    assert latched()


def test_the_plan_as_json(gone: list[User]) -> None:
    plan = json.loads(command("release", "partner", "--plan", "--json"))
    assert (plan["latched"], plan["total"], plan["counts"]) == (True, 10, {"delete": 10})
    assert {record["change"] for record in plan["records"]} == {"delete"}


def test_the_command_asks_who_and_why(gone: list[User]) -> None:
    with pytest.raises(CommandError, match="--by USERNAME --reason WHY"):
        command("release", "partner")
    assert latched()


def test_the_command_releases_all(gone: list[User], sandbox: SandboxControl) -> None:
    text = command("release", "partner", "--by", "olga", "--reason", "the shop is closed")
    assert "10 records of partner are released (10 delete)" in text
    assert "the brake is off" in text
    work()
    assert sandbox.users() == []
    assert LogEntry.objects.get().get_change_message() == "released 10 delete by olga: the shop is closed"


def test_the_command_releases_some(gone: list[User], sandbox: SandboxControl) -> None:
    keys = [row_of(user).key for user in gone[:2]]
    text = command("release", "partner", "--by", "olga", "--reason", "these", "--only", *keys)
    assert "the brake is on: 8 records wait" in text
    work()
    assert deletions(sandbox) == 2


def test_the_command_rejects(gone: list[User], sandbox: SandboxControl) -> None:
    command("release", "partner", "--by", "olga", "--reason", "a mistake", "--reject")
    work()
    assert states() == {"rejected": 10}
    assert len(sandbox.users()) == 10


@pytest.mark.parametrize(
    ("words", "told"),
    [([], "releasing what partner's brake holds"), (["--reject"], "leaving what partner's brake holds")],
)
def test_the_command_says_how_far_it_has_come(
    gone: list[User],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    told: str,
) -> None:
    monkeypatch.setattr("thirdparty.decisions.brake._AT_ONCE", 4)
    monkeypatch.setattr("thirdparty.management.sync.progress._LINE_EVERY_SECONDS", 0.0)

    command("release", "partner", "--by", "olga", "--reason", "over", *words)

    said = [line.split(" records")[0] for line in capsys.readouterr().err.splitlines() if line.startswith(told)]
    assert said == [f"{told}: {done} of 10" for done in (4, 8, 10)]


def test_of_a_selection_it_is_how_far_that_has_come(
    gone: list[User], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("thirdparty.management.sync.progress._LINE_EVERY_SECONDS", 0.0)
    keys = [row_of(user).key for user in gone[:2]]

    command("release", "partner", "--by", "olga", "--reason", "these", "--only", *keys)

    assert "partner's brake holds: 2 of 2 records" in capsys.readouterr().err


def test_the_brake_is_taken_off_where_nothing_waits_any_more(gone: list[User]) -> None:
    Record.objects.update(parked="", synced_generation=1_000, due_at=None)
    assert "the brake is off" in command("release", "partner", "--by", "olga", "--reason", "nothing is left")


def test_the_api_shows_the_plan_and_decides(gone: list[User], web: Client, sandbox: SandboxControl) -> None:
    plan = web.get(API).json()
    assert (plan["latched"], plan["counts"]) == (True, {"delete": 10})
    body = {"decision": "release", "reason": "right so", "keys": [row_of(gone[0]).key], "as_of": plan["as_of"]}
    answer = web.post(API, body, content_type="application/json")
    assert answer.status_code == 200
    assert (answer.json()["total"], answer.json()["decisions"][0]["who"]) == (9, "olga")
    work()
    assert deletions(sandbox) == 1


def test_the_api_answers_409_where_nothing_is_held(web: Client, sandbox: SandboxControl) -> None:
    body = {"decision": "release", "reason": "why not"}
    answer = web.post(API, body, content_type="application/json")
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:usersync:problem:not-decided")


def test_the_api_knows_no_other_target(web: Client, sandbox: SandboxControl) -> None:
    assert web.get("/api/v1/sync/targets/nobody/brake/").status_code == 404


def test_who_may_only_see_records_sees_the_plan_and_decides_nothing(gone: list[User]) -> None:
    viewer = User.objects.create_user(username="vera", is_staff=True, is_active=True)
    viewer.user_permissions.add(Permission.objects.get(codename="view_record"))
    web = Client()
    web.force_login(viewer)
    assert web.get(API).status_code == 200
    body = {"decision": "release", "reason": "mine"}
    assert web.post(API, body, content_type="application/json").status_code == 403
    assert "Decide" not in web.get(PAGE).content.decode()
    assert web.post(PAGE, {"decision": "release", "reason": "mine"}).status_code == 403
    assert latched()


def test_the_page_shows_what_waits_and_releases_what_is_ticked(
    gone: list[User], web: Client, sandbox: SandboxControl
) -> None:
    answer = web.get(PAGE)
    text = answer.content.decode()
    key = row_of(gone[0]).key
    assert "10 records wait: 10 delete" in text
    assert key in text
    until = answer.context["form"].initial["until"]
    fields = {"decision": "release", "change": "", "reason": "this one", "until": until, "record": [key]}
    assert web.post(PAGE, fields).status_code == 302
    work()
    assert deletions(sandbox) == 1
    assert BrakeDecision.objects.get().who == "olga"
    assert "this one" in web.get(PAGE).content.decode()


def test_the_page_rejects_all(gone: list[User], web: Client, sandbox: SandboxControl) -> None:
    until = web.get(PAGE).context["form"].initial["until"]
    web.post(PAGE, {"decision": "reject", "change": "", "reason": "a mistake", "until": until})
    assert states() == {"rejected": 10}
    assert not latched()


def test_the_page_decides_nothing_that_nobody_has_chosen(
    gone: list[User], web: Client, sandbox: SandboxControl
) -> None:
    form = web.get(PAGE).context["form"]
    assert form["decision"].value() is None
    assert form.fields["decision"].choices[0][0] == ""
    until = form.initial["until"]
    web.post(PAGE, {"decision": "", "change": "", "reason": "too quick", "until": until})
    assert states() == {"held": 10}
    assert latched()


def test_the_targets_page_leads_there(gone: list[User], web: Client) -> None:
    assert PAGE in web.get("/admin/thirdparty/target/").content.decode()
    assert PAGE in web.get("/admin/thirdparty/target/partner/change/").content.decode()


def test_metrics_and_status_say_that_it_is_on(gone: list[User], web: Client) -> None:
    assert 'usersync_target_brake_latched{target="partner"} 1.0' in web.get("/metrics").content.decode()
    assert 'usersync_records{state="held",target="partner"} 10.0' in web.get("/metrics").content.decode()
    names = ("code", "severity", "target", "count", "link")
    assert [tuple(reason[name] for name in names) for reason in told(web)] == [
        ("brake_on", "act", "partner", 10, PAGE)
    ]
    assert not web.get("/api/v1/sync/status/").json()["healthy"]


def told(web: Client) -> list[dict[str, Any]]:
    """The reasons about the brake."""
    return [each for each in web.get("/api/v1/sync/status/").json()["reasons"] if "brake" in each["code"]]


def test_readiness_does_not_depend_on_it(gone: list[User], web: Client) -> None:
    assert web.get("/health/ready/").json()["ready"]


def test_the_page_of_a_held_record_leads_there(gone: list[User], web: Client) -> None:
    page = web.get(f"/admin/thirdparty/record/{row_of(gone[0]).key}/change/", follow=True).content.decode()
    assert f'href="{PAGE}"' in page


def test_who_may_only_see_records_is_led_there_too(gone: list[User]) -> None:
    viewer = User.objects.create_user(username="vera", is_staff=True, is_active=True)
    viewer.user_permissions.add(*Permission.objects.filter(codename__in=["view_record", "view_target"]))
    web = Client()
    web.force_login(viewer)
    page = web.get("/admin/thirdparty/target/partner/change/").content.decode()
    assert f'class="sync-button" href="{PAGE}"' in page
    assert "Probe now" not in page


@pytest.fixture
def chinese() -> Iterator[dict[str, str]]:
    """The headers of who reads Chinese."""
    yield {"accept-language": "zh-CN"}
    translation.deactivate()  # the last request's stays


def test_the_page_is_chinese_for_who_reads_it(gone: list[User], web: Client, chinese: dict[str, str]) -> None:
    page = web.get(PAGE, headers=chinese).content.decode()
    assert "10 条记录在等待：删除 10 条。" in page
    until = web.get(PAGE).context["form"].initial["until"]
    fields = {"decision": "release", "change": "", "reason": "对的", "until": until}
    page = web.post(PAGE, fields, headers=chinese, follow=True).content.decode()
    assert "已放行 10 条记录：删除 10 条。" in page
    assert "没有拦住任何内容" in page


@pytest.mark.parametrize(
    ("name", "value"),
    [("SYNC_BRAKE_PERCENT", 101), ("SYNC_BRAKE_PERCENT", -1), ("SYNC_BRAKE_MIN", 1.5), ("SYNC_BRAKE_MIN", -1)],
)
def test_a_limit_that_cannot_be_is_refused_by_name(settings: Any, name: str, value: float) -> None:
    setattr(settings, name, value)
    with pytest.raises(ImproperlyConfigured, match=name):
        getattr(engine, name)


def test_a_window_of_more_than_a_day_is_refused_by_a_check(settings: Any) -> None:
    settings.SYNC_BRAKE_WINDOW_SECONDS = 86_401
    assert "thirdparty.E007" in {problem.id for problem in checks.durations()}
