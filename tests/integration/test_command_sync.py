"""``manage.py sync``: what each action prints, does, and refuses."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.management import CommandError, call_command
from django.utils import timezone
from rest_framework.authtoken.models import Token

from tests.integration.conftest import converge, held_records, row_of, wanted_records
from thirdparty import targets
from thirdparty.declaration import Synced, registry
from thirdparty.models import Record, Target
from thirdparty.models.record import EPOCH
from thirdparty.run import pause
from thirdparty.sandbox.client import SandboxControl
from users.models import User


@pytest.fixture
def ada(db: None) -> User:
    targets.publish_rows()
    return User.objects.create_user(name="Ada [b]", phone="1")


def sync(*arguments: Any) -> str:
    out = StringIO()
    call_command("sync", *map(str, arguments), stdout=out)
    return out.getvalue()


def test_status_as_json_is_the_status(ada: User, at_work: None) -> None:
    report = json.loads(sync("status", "--json"))

    assert report["healthy"] is True
    assert report["targets"]["partner"]["pending"] == 1


def test_status_for_people_is_plain_where_nobody_looks(ada: User, at_work: None) -> None:
    printed = sync("status")

    assert printed.splitlines()[0] == "partner: 1 of 1 person differs at partner. 1 is on its way."
    assert printed.splitlines()[1].strip().startswith("1 pending, oldest unsynced ")
    assert printed.splitlines()[-1] == "healthy"
    assert "\x1b" not in printed


def test_status_fails_when_something_has_been_owed_for_too_long(ada: User) -> None:
    Record.objects.update(owed_since=timezone.now() - timedelta(seconds=90))

    sync("status", "--max-age", 120)
    with pytest.raises(CommandError, match="partner for 9"):
        sync("status", "--max-age", 60)


def test_status_is_no_failure_by_itself_and_one_for_a_monitor_that_checks(ada: User, at_work: None) -> None:
    sync("status", "--check")
    pause.pause("partner", reason="maintenance there")

    assert sync("status").splitlines()[-1] == "not healthy"
    with pytest.raises(CommandError, match=r"^not healthy: .*maintenance there"):
        sync("status", "--check")
    with pytest.raises(CommandError, match=r"^not healthy: "):
        sync("status", "--check", "--json")


def test_a_monitor_is_told_of_all_that_it_asked_about_in_one_line(ada: User, at_work: None) -> None:
    pause.pause("partner", reason="maintenance there")
    Record.objects.update(owed_since=timezone.now() - timedelta(seconds=90))

    with pytest.raises(CommandError, match=r"owed for longer than 60 s: partner for 9.*; not healthy: ") as failed:
        sync("status", "--check", "--max-age", 60)

    assert "\n" not in str(failed.value)


@pytest.mark.parametrize("name", ["uuid", "username", "pk"])
def test_a_user_is_found_by(ada: User, name: str) -> None:
    explained = json.loads(sync("explain", getattr(ada, name), "--json"))

    assert explained[0]["wanted"]["payload"]["name"] == "Ada [b]"
    assert explained[0]["difference"] is None


@pytest.mark.parametrize("name", ["remote_id", "external_id"])
def test_a_record_is_found_by_what_the_target_calls_it_also_once_its_object_is_gone(
    ada: User, sandbox: SandboxControl, name: str
) -> None:
    converge()
    text = {"remote_id": row_of(ada).remote_id, "external_id": str(ada.uuid).upper()}[name]
    assert json.loads(sync("explain", text, "--json"))[0]["object_id"] == ada.uuid.hex
    ada.delete()
    assert json.loads(sync("explain", text, "--json"))[0]["state"] == "pending"


def test_an_object_is_found_by_its_kind_and_identity(ada: User) -> None:
    for text in (f"users.user:{ada.uuid}", f"users.user:{ada.uuid.hex}"):
        assert json.loads(sync("explain", text, "--json"))[0]["object_id"] == ada.uuid.hex


def test_what_may_be_two_objects_is_not_guessed(ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    class Team(Synced[Group]):
        key = "name"

    monkeypatch.setitem(registry._declared, Team.kind, Team())
    group = Group.objects.create(name=ada.username)

    with pytest.raises(CommandError, match=f"may be auth.group:{group.pk} or users.user:{ada.uuid.hex}: say which"):
        sync("explain", ada.username)
    assert json.loads(sync("explain", f"users.user:{ada.uuid}", "--json"))[0]["kind"] == "users.user"


def test_a_backfill_owes_every_record_of_the_target(ada: User) -> None:
    Record.objects.update(synced_generation=1, due_at=None)

    assert "done: 1 records of partner are owed" in sync("backfill", "--target", "partner")
    assert Record.objects.get().state == "pending"


def test_a_deleted_user_is_found_by_the_uuid_of_the_tombstone(ada: User) -> None:
    uuid = ada.uuid
    ada.delete()

    assert "no record at the target" in sync("explain", uuid)


def test_an_explanation_for_people_shows_names_as_they_are(ada: User) -> None:
    assert "Ada [b]" in sync("explain", ada.username)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["explain", "nobody"], "there is no object 'nobody'"),
        (["explain", "9" * 5000], "there is no object"),
        (["explain", "users.user:17"], "'17' cannot be the uuid of a users.user"),
        (["push", "root"], "has no record at any target"),
        (["pause", "partner", "--by", "nobody"], "--by nobody: there is no such account"),
        (["retry", "--target", "nowhere"], "there is no target 'nowhere'; SYNC_TARGETS names partner"),
        (["pause", "nowhere"], "there is no target 'nowhere'"),
        (["resume", "nowhere"], "there is no target 'nowhere'"),
        (["token", "nobody"], "there is no account 'nobody'"),
    ],
)
def test_what_does_not_exist_is_named(ada: User, arguments: list[str], complaint: str) -> None:
    User.objects.create_superuser("root")

    with pytest.raises(CommandError, match=complaint):
        sync(*arguments)


def test_push_brings_a_user_level(sandbox: SandboxControl) -> None:
    user = User.objects.create_user(name="Ada", phone="1")

    assert sync("push", user.username).splitlines() == ["partner: step ended ok", "partner: synced"]
    assert held_records(sandbox) == wanted_records()


def test_push_says_why_it_cannot(ada: User) -> None:
    with pytest.raises(CommandError, match="partner is pending: refused"):
        sync("push", ada.username)


def test_retry_makes_parked_records_due_and_no_others(ada: User) -> None:
    other = User.objects.create_user(name="Eva", phone="2")
    Record.objects.update(due_at=None)
    Record.objects.filter(object_id=ada.uuid.hex).update(parked="invalid")

    assert sync("retry", "--target", "partner").splitlines()[0] == "1 records of partner are due now"

    due = dict(Record.objects.values_list("object_id", "due_at"))
    assert due == {ada.uuid.hex: EPOCH, other.uuid.hex: None}


def test_a_pause_holds_until_it_is_taken_back(ada: User) -> None:
    sync("pause", "partner", "--reason", "maintenance")
    assert Target.objects.get().paused_reason == "maintenance"
    with pytest.raises(CommandError, match="target partner is paused: maintenance"):
        sync("push", ada.username)

    sync("resume", "partner")
    assert not Target.objects.get().paused


def test_reconcile_says_when_nothing_can_be_woken(ada: User) -> None:
    with pytest.raises(CommandError, match="the broker does not answer"):
        sync("reconcile")


def test_token_prints_the_same_key_each_time_and_nothing_else(ada: User) -> None:
    first = sync("token", ada.username)

    assert first == sync("token", ada.username) == f"{Token.objects.get(user=ada).key}\n"
