"""Owing is not sending: a target that settings do not name is away, and loses nothing. Only a person retires one."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.test import Client

from tests.integration.conftest import converge, held_records, row_of, step, wanted_records
from thirdparty import targets
from thirdparty.capture import catch_up, retirement
from thirdparty.models import Attempt, Audit, Record, Target
from thirdparty.observe.explain import explain
from thirdparty.observe.status import status
from thirdparty.sandbox.client import SandboxControl
from thirdparty.store import strict_rows
from users.models import User
from users.synced import person

pytestmark = pytest.mark.django_db


@pytest.fixture
def away(settings: Any) -> Any:
    """Take the target out of the settings, as a shell without the variable has them; call it to name it again."""
    named = settings.SYNC_TARGETS
    settings.SYNC_TARGETS = {}
    targets.publish_rows()

    def name_again() -> None:
        settings.SYNC_TARGETS = named
        targets.take_up()

    return name_again


def test_what_is_edited_while_a_target_is_away_is_at_the_target_once_it_is_back(
    sandbox: SandboxControl, settings: Any
) -> None:
    edited, gone = User.objects.create(name="张伟", phone="1"), User.objects.create(name="李娜", phone="2")
    converge()
    named, settings.SYNC_TARGETS = settings.SYNC_TARGETS, {}
    call_command("migrate", verbosity=0)
    User.objects.filter(pk=edited.pk).update(name="王芳")
    gone.delete()
    User.objects.create(name="赵雷", phone="3")
    settings.SYNC_TARGETS = named
    targets.take_up()
    converge()
    assert held_records(sandbox) == wanted_records()


def test_a_target_that_settings_do_not_name_is_away_and_never_retired(away: Any) -> None:
    assert Target.objects.get().standing == "away"


def test_nothing_is_sent_to_a_target_that_is_away(sandbox: SandboxControl) -> None:
    user = User.objects.create(name="张伟")
    Target.objects.update(enabled=False)
    assert step(user) is None
    assert sandbox.users() == []


def test_a_worker_that_names_a_target_makes_it_active_and_owes_nothing_for_it(away: Any) -> None:
    catch_up.go_on("partner")
    user = User.objects.create(name="张伟")
    Record.objects.update(synced_generation=1, owed_since=None, due_at=None)
    away()
    catch_up.go_on("partner")
    assert Target.objects.get().standing == "active"
    assert row_of(user).state == "synced"


def test_a_worker_that_does_not_name_a_target_leaves_it_active(settings: Any) -> None:
    settings.SYNC_TARGETS = {}
    targets.take_up()
    assert Target.objects.get().standing == "active"


def test_a_process_that_names_a_target_which_is_away_is_not_healthy_and_yet_ready_to_record(
    settings: Any, away: Any, at_work: None
) -> None:
    assert status().healthy
    away()
    assert status().healthy
    Target.objects.update(enabled=False)
    assert not status().healthy
    answer = Client().get("/health/ready/")
    assert answer.status_code == 200
    assert any("partner: It is away" in warning for warning in answer.json()["warnings"])


def test_what_is_owed_to_a_target_that_is_away_is_not_counted_where_nobody_names_it(away: Any, at_work: None) -> None:
    User.objects.create(name="张伟")
    assert (status().healthy, status().targets) == (True, {})


def test_a_strict_write_has_a_record_at_a_target_that_is_away_and_none_at_a_retired_one() -> None:
    Target.objects.create(name="elsewhere", enabled=False)
    Target.objects.create(name="former", enabled=False, retired=True)
    user = User.objects.create(name="张伟")
    Record.objects.all().delete()
    strict_rows.ensure(person(user.uuid), "zhangwei", tombstone=False)
    assert set(Record.objects.values_list("target", flat=True)) == {"partner", "elsewhere"}


def test_the_explanation_says_that_a_target_is_away(away: Any) -> None:
    user = User.objects.create(name="张伟")
    assert "target partner is away" in explain(person(user.uuid))[0].blocked_by[0]
    assert "goes on being owed" in explain(person(user.uuid))[0].blocked_by[0]


def test_a_target_cannot_be_retired_and_enabled() -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Target.objects.update(enabled=True, retired=True)


def _retire(**options: str) -> None:
    options = {"by": "boss", "reason": "the contract ended"} | options
    call_command("sync", "retire", "partner", *(f"--{name}={value}" for name, value in options.items()))


@pytest.fixture
def boss() -> User:
    return User.objects.create_superuser("boss", "pw", is_staff=True)


def test_a_retired_target_has_no_records_and_is_owed_nothing(boss: User, away: Any) -> None:
    row = row_of(User.objects.create(name="张伟"))
    then = "2026-01-01T00:00Z"
    Attempt.objects.create(record=row, lease_token="t", call="add", generation=1, started_at=then)
    Audit.objects.create(target="partner", kind="users.user", lists=True, looks_up=True, started_at=then, due_at=then)
    _retire()
    User.objects.create(name="李娜")
    assert Target.objects.get().standing == "retired"
    assert not Record.objects.exists()
    assert not Attempt.objects.exists()
    assert not Audit.objects.exists()


def test_retiring_says_who_did_it_and_why(boss: User, away: Any) -> None:
    _retire()
    entry = LogEntry.objects.get(object_id="partner")
    assert entry.user_id == boss.pk
    assert "the contract ended" in entry.change_message


def test_a_target_that_this_process_names_is_not_retired(boss: User) -> None:
    with pytest.raises(CommandError, match="SYNC_TARGETS names partner"):
        _retire()
    assert Target.objects.get().standing == "active"


@pytest.mark.parametrize("wrong", [{"by": "nobody"}, {"reason": " "}], ids=["nobody known", "no reason"])
def test_retiring_takes_somebody_and_a_reason(boss: User, away: Any, wrong: dict[str, str]) -> None:
    with pytest.raises(CommandError):
        _retire(**wrong)
    assert Target.objects.get().standing == "away"


def test_a_retired_target_that_is_named_again_is_a_new_one(boss: User, away: Any) -> None:
    before = User.objects.create(name="张伟")
    _retire()
    meanwhile = User.objects.create(name="李娜")
    away()
    catch_up.go_on("partner")
    assert Target.objects.get().standing == "active"
    assert {row_of(user).state for user in (before, meanwhile)} == {"pending"}


def _retired_and_named_again(settings: Any) -> None:
    named, settings.SYNC_TARGETS = settings.SYNC_TARGETS, {}
    targets.publish_rows()
    _retire()
    settings.SYNC_TARGETS = named
    targets.take_up()


def test_who_is_called_otherwise_by_now_is_not_added_twice_to_a_target_that_is_named_again(
    sandbox: SandboxControl, boss: User, settings: Any
) -> None:
    user = User.objects.create(name="张伟", phone="1")
    converge()
    (held,) = sandbox.users()
    User.objects.filter(pk=user.pk).update(username="otherwise", name="王芳")
    _retired_and_named_again(settings)
    catch_up.go_on("partner", seconds=30)
    converge()
    (there,) = sandbox.users()
    assert (there["userId"], there["name"]) == (held["userId"], "王芳")
    assert row_of(user).state == "synced"


def test_who_is_edited_before_the_others_are_owed_is_looked_for_as_well(
    sandbox: SandboxControl, boss: User, settings: Any
) -> None:
    user = User.objects.create(name="张伟", phone="1")
    converge()
    User.objects.filter(pk=user.pk).update(username="otherwise")
    _retired_and_named_again(settings)
    User.objects.filter(pk=user.pk).update(name="王芳")
    catch_up.go_on("partner", seconds=30)
    converge()
    assert [there["name"] for there in sandbox.users()] == ["王芳"]


def test_who_became_inactive_while_a_target_was_retired_is_removed_once_it_is_named_again(
    sandbox: SandboxControl, boss: User, settings: Any
) -> None:
    user = User.objects.create(name="张伟", phone="1")
    converge()
    User.objects.filter(pk=user.pk).update(is_active=False)
    _retired_and_named_again(settings)
    catch_up.go_on("partner", seconds=30)
    converge()
    assert sandbox.users() == []
    assert row_of(user).state == "synced"


def test_to_a_target_that_is_new_everybody_is_added_without_a_question(sandbox: SandboxControl) -> None:
    User.objects.create(name="张伟", phone="1")
    converge()
    assert [entry["call"] for entry in sandbox.ledger() if entry["kind"] == "request"] == ["add"]


def test_retiring_that_was_stopped_goes_on(boss: User, away: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retirement, "ROWS_PER_STEP", 2)
    User.objects.bulk_create([User(name="x", phone=str(n)) for n in range(5)])
    next(retirement.steps("partner"))
    assert Record.objects.count() == 3
    _retire()
    assert not Record.objects.exists()
