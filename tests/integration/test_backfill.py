"""`sync backfill`: a target that was emptied, replaced or restored from backup is brought level, whatever else is under way."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError

from tests.integration.conftest import converge, effects, held_records, row_of, wanted_records
from thirdparty import targets
from thirdparty.capture import backfill, catch_up
from thirdparty.models import Attempt, Record, Target
from thirdparty.sandbox.client import SandboxControl
from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _caught_up(sandbox: SandboxControl) -> None:
    catch_up.go_on("partner", seconds=30)
    assert Target.objects.get(name="partner").behind_since is None


def people(count: int) -> list[User]:
    return [User.objects.create(name=f"P{number}", phone=f"138{number:08}") for number in range(count)]


def backfilled(*, resume: bool = False) -> int:
    owed = sum(backfill.steps("partner", resume=resume))
    converge()
    return owed


@pytest.mark.parametrize("half_way", ["a catch-up after a gap", "another backfill"])
def test_a_backfill_owes_what_a_walk_under_way_has_passed_already(
    sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch, half_way: str
) -> None:
    """What was owed before, and pushed, went to a target that lost it since."""
    monkeypatch.setattr(catch_up, "AT_ONCE", 2)
    people(6)
    converge()
    if half_way == "another backfill":
        targets.begin_backfill("partner")
    else:
        targets.owe_anew("partner")
    catch_up.take_step("partner")
    catch_up.take_step("partner")
    converge()
    for record in sandbox.users():
        sandbox.delete(record["userId"])
    assert backfilled() == 6
    assert held_records(sandbox) == wanted_records()


def test_a_backfill_that_was_stopped_is_resumed_where_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catch_up, "AT_ONCE", 2)
    people(5)
    converge()
    next(backfill.steps("partner"))
    assert backfilled(resume=True) == 3
    assert set(Record.objects.values_list("generation", flat=True)) == {2}


def test_a_backfill_that_has_ended_is_not_resumed() -> None:
    people(2)
    assert backfilled() == 2
    assert backfilled(resume=True) == 0


def test_a_catch_up_after_a_gap_is_no_backfill_that_could_be_resumed() -> None:
    people(2)
    targets.owe_anew("partner")
    assert backfilled(resume=True) == 0
    assert Target.objects.get(name="partner").owing_to == ""


def test_whoever_was_deleted_since_the_backup_is_deleted_again(sandbox: SandboxControl) -> None:
    first, _second = people(2)
    converge()
    sandbox.backup()
    first.delete()
    converge()
    sandbox.restore()
    backfilled()
    assert held_records(sandbox) == wanted_records()


def test_whoever_was_deleted_is_deleted_again_after_each_restore(sandbox: SandboxControl) -> None:
    [user] = people(1)
    converge()
    sandbox.backup()
    user.delete()
    converge()
    for _ in range(2):
        sandbox.restore()
        backfilled()
        assert held_records(sandbox) == []
    assert Record.objects.get().state == "deleted"


def test_whoever_was_deactivated_since_the_backup_is_removed_again(sandbox: SandboxControl) -> None:
    [user] = people(1)
    converge()
    sandbox.backup()
    User.objects.filter(pk=user.pk).update(is_active=False)
    converge()
    sandbox.restore()
    backfilled()
    assert held_records(sandbox) == []
    assert row_of(user).state == "synced"


def test_a_record_that_we_never_sent_is_not_looked_for_when_its_user_is_gone(sandbox: SandboxControl) -> None:
    """Whatever is at the target under that external id, we did not put it there."""
    [user] = people(1)
    stranger = sandbox.create(username="stranger", name="Stranger", phone="1", externalId=str(user.uuid))
    user.delete()
    converge()
    assert backfilled() == 0
    assert [record["userId"] for record in sandbox.users()] == [stranger["userId"]]


def test_a_stranger_who_has_the_id_or_the_username_of_somebody_deleted_is_spared(sandbox: SandboxControl) -> None:
    sandbox.backup()
    first, second = people(2)
    usernames = [first.username, second.username]
    converge()
    first.delete()
    second.delete()
    converge()
    sandbox.restore()
    for username in usernames:
        sandbox.create(username=username, name="Stranger", phone="1")
    assert backfilled() == 2
    assert sorted(record["username"] for record in sandbox.users()) == sorted(usernames)


def test_a_target_without_look_up_is_asked_nothing_about_those_who_are_gone(
    sandbox: SandboxControl, partner: Callable[..., None]
) -> None:
    partner(capabilities=())
    sandbox.faults(capabilities=[])
    [user] = people(1)
    converge()
    user.delete()
    converge()
    before = effects(sandbox)
    backfilled()
    assert effects(sandbox) == before
    assert Record.objects.get().state == "deleted"


def test_a_backfill_leaves_parked_records_alone() -> None:
    [user] = people(1)
    Record.objects.update(parked="invalid", due_at=None)
    assert backfilled() == 0
    assert row_of(user).parked == "invalid"


def test_a_backfill_during_a_catch_up_after_a_gap_frees_parked_records_as_that_would() -> None:
    [user] = people(1)
    Record.objects.update(parked="invalid", due_at=None)
    targets.owe_anew("partner")
    assert backfilled() == 1
    assert row_of(user).parked == ""
    assert not Target.objects.filter(unrecorded=True).exists()


def test_how_long_a_backfill_takes_is_no_measure_of_how_quickly_changes_arrive(sandbox: SandboxControl) -> None:
    User.objects.create(name="Ada", phone="1")
    converge()
    assert Attempt.objects.exclude(owed_since=None).exists()
    Attempt.objects.all().delete()
    for _ in backfill.steps("partner"):
        pass
    converge()
    assert set(Attempt.objects.filter(acknowledged=True).values_list("owed_since", flat=True)) == {None}


def test_a_backfill_waits_where_others_keep_the_database(
    sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    [person] = people(1)
    converge()
    sandbox.delete(str(row_of(person).remote_id))
    in_the_way(monkeypatch, times=3)
    backfilled()
    assert held_records(sandbox) == wanted_records()


def test_where_they_keep_it_for_too_long_the_command_says_so_in_one_line_and_the_reconciler_goes_on(
    sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    [person] = people(1)
    converge()
    sandbox.delete(str(row_of(person).remote_id))
    monkeypatch.setattr(backfill, "_PATIENCE_SECONDS", 0.0)
    with monkeypatch.context() as patches:
        in_the_way(patches, times=1)
        with pytest.raises(
            CommandError, match=r"^the database was not to be had: database is locked\. Run it again\.$"
        ):
            call_command("sync", "backfill", "--target", "partner")
    catch_up.go_on("partner", seconds=30)
    converge()
    assert held_records(sandbox) == wanted_records()


def in_the_way(monkeypatch: pytest.MonkeyPatch, *, times: int) -> None:
    """Others hold the database for longer than a statement waits, so often."""
    take_step, left = catch_up.take_step, iter(range(times))

    def kept_out(name: str) -> catch_up.Step:
        if next(left, None) is None:
            return take_step(name)
        cause = sqlite3.OperationalError("database is locked")
        cause.sqlite_errorcode = sqlite3.SQLITE_BUSY
        raise OperationalError("database is locked") from cause

    monkeypatch.setattr(catch_up, "take_step", kept_out)
