"""A partner gives ids out again: an id is ours only while what stands under it is (PROTOCOL 7)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db.models import F
from django.db.models.functions import Now

from tests import alone
from tests.integration.conftest import ALL, converge, effects, held_records, row_of, step, wanted_records
from tests.integration.test_audit import audited, found
from thirdparty.capture import backfill, catch_up
from thirdparty.connectors.landcloud.connector import LandcloudConnector
from thirdparty.decide.plan import LOOKS_BEFORE_A_REMOVAL, Call
from thirdparty.decide.result import Outcome, StepResult
from thirdparty.models import Attempt, Record
from thirdparty.models.record import EPOCH
from thirdparty.run.drain import drain
from thirdparty.sandbox.client import SandboxControl
from users.models import User


def people(names: range) -> list[User]:
    return [
        User.objects.create(name=f"Person {number}", phone=f"1380000{number:04}", email=f"{number}@example.org")
        for number in names
    ]


def owe_everything() -> None:
    list(backfill.steps("partner"))


def drained() -> None:
    drain("partner")
    converge()


def assert_everybody_is_there_once(sandbox: SandboxControl) -> None:
    """External id, username and content of every record belong together, nobody is missing and nobody doubled."""
    assert held_records(sandbox) == wanted_records()
    assert set(Record.objects.values_list("state", flat=True)) == {"synced"}
    ids = {record["externalId"]: record["userId"] for record in sandbox.users()}
    assert {str(UUID(row.object_id)): row.remote_id for row in Record.objects.all()} == ids


def assert_everybody_of_ours_is_there_once(sandbox: SandboxControl) -> None:
    """The same beside rows of people who are gone."""
    assert held_records(sandbox) == wanted_records()
    assert set(Record.objects.values_list("state", flat=True)) == {"synced", "deleted"}


@pytest.mark.parametrize("capabilities", [("query",), ALL], ids=str)
@pytest.mark.parametrize("unique", [True, False], ids=["usernames are unique", "usernames are shared"])
@pytest.mark.django_db(transaction=True)
def test_after_a_restore_and_a_backfill_everybody_is_there_once(
    sandbox: SandboxControl, partner: Callable[..., None], capabilities: tuple[str, ...], *, unique: bool
) -> None:
    partner(capabilities=capabilities)
    sandbox.faults(capabilities=list(capabilities), unique_usernames=unique)
    people(range(90))
    drained()
    sandbox.backup()
    people(range(100, 130))
    drained()
    sandbox.restore()
    people(range(200, 230))
    User.objects.filter(phone__startswith="13800001").update(name="Edited since")
    owe_everything()
    drained()
    assert_everybody_is_there_once(sandbox)


def test_before_any_backfill_a_newcomer_arrives_under_an_id_that_another_row_still_has(
    sandbox: SandboxControl,
) -> None:
    sandbox.backup()
    [old] = people(range(1))
    converge()
    sandbox.restore()
    [newcomer] = people(range(1, 2))
    converge()
    assert row_of(newcomer).remote_id == "r1"
    assert row_of(old).remote_id == "r2"
    assert_everybody_is_there_once(sandbox)


@pytest.mark.parametrize("capabilities", [("query",), ()], ids=["with query", "without query"])
@pytest.mark.parametrize("old_is", ["synced", "parked", "a tombstone", "leased"])
def test_a_newcomer_arrives_whatever_the_row_is_that_has_its_id(
    sandbox: SandboxControl, partner: Callable[..., None], capabilities: tuple[str, ...], old_is: str
) -> None:
    partner(capabilities=capabilities)
    sandbox.faults(capabilities=list(capabilities))
    sandbox.backup()
    [old] = people(range(1))
    converge()
    sandbox.restore()
    key = row_of(old).key
    if old_is == "parked":
        Record.objects.update(parked="invalid", due_at=None)
    elif old_is == "a tombstone":
        old.delete()
        Record.objects.update(parked="invalid", due_at=None)
    elif old_is == "leased":
        User.objects.update(name="Edited")
        lease = alone.claim(key)
        assert lease is not None
        alone.leave(lease, Call.UPDATE, for_seconds=0.5)
    [newcomer] = people(range(1, 2))
    converge()
    assert row_of(newcomer).remote_id == "r1"
    assert held_records(sandbox) == wanted_records()
    assert Record.objects.get(key=key).state in ("synced", "deleted")


def test_an_edit_after_the_meeting_does_not_touch_the_newcomers_record(sandbox: SandboxControl) -> None:
    sandbox.backup()
    [old] = people(range(1))
    converge()
    sandbox.restore()
    [newcomer] = people(range(1, 2))
    step(newcomer)
    User.objects.filter(pk=old.pk).update(name="Edited")
    converge()
    assert_everybody_is_there_once(sandbox)
    assert {e["external_id"] for e in sandbox.ledger() if e["kind"] == "effect" and e["user_id"] == "r1"} == {
        str(old.uuid), str(newcomer.uuid),
    }  # fmt: skip
    assert effects(sandbox)[1:] == ["created", "updated", "created"]


def test_an_id_of_a_deleted_record_that_is_used_again_is_not_written_to_by_a_backfill(
    sandbox: SandboxControl,
) -> None:
    sandbox.faults(capabilities=["query"], reuse_ids=True)
    [ours] = people(range(1))
    converge()
    sandbox.delete("r1")
    stranger = sandbox.create(username="stranger", name="Stranger")
    assert stranger["userId"] == "r1"
    owe_everything()
    converge()
    assert stranger in sandbox.users()
    assert row_of(ours).remote_id == "r2"


def test_a_delete_of_what_a_backfill_owes_spares_whoever_has_the_id_now(sandbox: SandboxControl) -> None:
    sandbox.faults(capabilities=["query"], reuse_ids=True)
    [ours] = people(range(1))
    converge()
    sandbox.delete("r1")
    stranger = sandbox.create(username="stranger", name="Stranger", externalId="their own")
    owe_everything()
    ours.delete()
    converge()
    assert sandbox.users() == [stranger]
    assert Record.objects.get().state == "deleted"


def test_a_parked_record_is_read_back_once_its_user_changes_after_a_backfill(sandbox: SandboxControl) -> None:
    sandbox.faults(capabilities=["query"], reuse_ids=True)
    catch_up.go_on("partner", seconds=30)
    [ours] = people(range(1))
    converge()
    Record.objects.update(parked="invalid", due_at=None)
    sandbox.delete("r1")
    stranger = sandbox.create(username="stranger", name="Stranger")
    owe_everything()
    assert row_of(ours).parked == "invalid"
    User.objects.update(name="Edited")
    converge()
    assert stranger in sandbox.users()
    assert row_of(ours).remote_id == "r2"


@pytest.mark.parametrize("change", ["an update", "a deletion"])
def test_a_newcomer_is_read_back_while_a_late_request_may_still_land_under_its_id(
    sandbox: SandboxControl, partner: Callable[..., None], change: str
) -> None:
    partner(visibility_seconds=3600.0)
    sandbox.backup()
    [old] = people(range(1))
    converge()
    key = row_of(old).key
    if change == "an update":
        User.objects.update(name="Edited")
    else:
        old.delete()
        step(key)  # it is looked at before it goes
    sandbox.restore()
    sandbox.faults(**{"500": True})
    step(key)
    sandbox.faults()
    owe_everything()
    Record.objects.update(due_at=EPOCH)
    assert step(key) is not None
    [newcomer] = people(range(1, 2))
    step(newcomer)
    step(newcomer)
    assert row_of(newcomer).remote_id == "r1"
    assert row_of(newcomer).state == "unknown"
    if change == "an update":
        sandbox.edit("r1", externalId=str(old.uuid), name="Edited")
    else:
        sandbox.delete("r1")
    Record.objects.filter(unknown_until__isnull=False).update(unknown_until=EPOCH, due_at=EPOCH)
    converge()
    assert held_records(sandbox) == wanted_records()


def test_a_newcomer_writes_to_nobody_who_gets_the_id_once_a_late_deletion_has_landed_under_it(
    sandbox: SandboxControl, partner: Callable[..., None]
) -> None:
    partner(visibility_seconds=3600.0)
    sandbox.faults(capabilities=["query"], reuse_ids=True)
    sandbox.backup()
    [old] = people(range(1))
    converge()
    key = row_of(old).key
    old.delete()
    step(key)  # it is looked at before it goes
    sandbox.restore()
    sandbox.faults(**{"500": True})
    step(key)
    sandbox.heal()
    [newcomer] = people(range(1, 2))
    step(newcomer)
    step(newcomer)
    assert row_of(newcomer).remote_id == "r1"
    stranger = stranger_in_its_place(sandbox)
    User.objects.update(name="Edited")
    step(newcomer)
    step(newcomer)
    assert sandbox.users() == [stranger]


def test_a_backfill_writes_nothing_where_the_target_holds_what_is_wanted(sandbox: SandboxControl) -> None:
    people(range(3))
    converge()
    owe_everything()
    converge()
    assert effects(sandbox) == ["created"] * 3
    assert_everybody_is_there_once(sandbox)


def test_a_backfill_brings_what_differs_level(sandbox: SandboxControl) -> None:
    [user] = people(range(1))
    converge()
    sandbox.edit("r1", name="changed behind our back")
    owe_everything()
    converge()
    assert_everybody_is_there_once(sandbox)
    assert user.name in {record["name"] for record in sandbox.users()}


def test_a_backfill_during_a_step_is_not_settled_by_it(sandbox: SandboxControl) -> None:
    [user] = people(range(1))
    converge()
    User.objects.update(name="Edited")
    lease = alone.claim(row_of(user).key)
    assert lease is not None
    owe_everything()
    done = StepResult(outcome=Outcome.OK, remote_id="r1", adopted="", add_key=None, acknowledged=True)
    alone.settle(lease, None, done)
    assert row_of(user).look_first
    assert row_of(user).state == "pending"


def test_a_target_that_gives_one_id_to_two_does_not_set_them_against_each_other_for_ever(
    sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LandcloudConnector, "add", lambda *_, **__: "r0")
    monkeypatch.setattr(LandcloudConnector, "update", lambda *_, **__: None)
    monkeypatch.setattr(LandcloudConnector, "find", lambda *_, **__: None)
    people(range(2))
    converge()
    assert any(Record.objects.values_list("parked", flat=True))


@pytest.fixture
def reuses(sandbox: SandboxControl) -> SandboxControl:
    """One that gives the ids of deleted records to new ones."""
    sandbox.faults(capabilities=["query"], reuse_ids=True)
    return sandbox


def test_a_delete_that_took_effect_unheard_is_not_repeated_under_an_id_that_somebody_has_by_now(
    reuses: SandboxControl,
) -> None:
    [ours] = people(range(1))
    converge()
    key = row_of(ours).key
    ours.delete()
    step(key)  # it is looked at before it goes
    reuses.faults(apply_then_cut=1)
    step(key)
    reuses.heal()
    stranger = reuses.create(username="stranger", name="Stranger", externalId="their own")
    assert stranger["userId"] == "r1"
    converge()
    assert reuses.users() == [stranger]
    assert Record.objects.get().state == "deleted"


def test_nor_is_that_of_a_worker_that_died(reuses: SandboxControl) -> None:
    [ours] = people(range(1))
    converge()
    key = row_of(ours).key
    ours.delete()
    lease = alone.claim(key)
    assert lease is not None
    alone.leave(lease, Call.DELETE, for_seconds=0.2)
    reuses.delete("r1")
    stranger = reuses.create(username="stranger", name="Stranger", externalId="their own")
    converge()
    assert reuses.users() == [stranger]
    assert Record.objects.get().state == "deleted"


def test_a_delete_that_never_arrived_is_repeated(reuses: SandboxControl) -> None:
    [ours] = people(range(1))
    converge()
    reuses.faults(cut=1)
    key = row_of(ours).key
    ours.delete()
    step(key)
    reuses.heal()
    converge()
    assert reuses.users() == []


def test_an_add_that_is_answered_for_its_first_sending_writes_to_nobody_who_has_that_id_by_now(
    reuses: SandboxControl, partner: Callable[..., None]
) -> None:
    partner(capabilities=ALL)
    reuses.faults(capabilities=list(ALL), apply_then_cut=1)
    [ours] = people(range(1))
    step(ours)
    reuses.heal()
    reuses.delete("r1")
    stranger = reuses.create(username="stranger", name="Stranger", externalId="their own")
    assert stranger["userId"] == "r1"
    converge()
    assert stranger in reuses.users()
    assert row_of(ours).remote_id == "r2"


def test_a_backfill_takes_away_the_record_of_somebody_inactive_whom_a_restore_has_brought_back(
    sandbox: SandboxControl,
) -> None:
    [ours] = people(range(1))
    converge()
    sandbox.backup()
    User.objects.update(is_active=False)
    converge()
    assert sandbox.users() == []
    sandbox.restore()
    owe_everything()
    converge()
    assert sandbox.users() == []
    assert row_of(ours).state == "synced"


@pytest.mark.parametrize("unique", [True, False], ids=["usernames are unique", "usernames are shared"])
@pytest.mark.parametrize("looks_first", ["the old one", "the new one"])
def test_a_backfill_takes_away_who_is_gone_though_somebody_else_has_the_username_by_now(
    sandbox: SandboxControl, *, unique: bool, looks_first: str
) -> None:
    sandbox.faults(capabilities=["query"], unique_usernames=unique)
    old = User.objects.create(name="Ann", phone="1", username="ann1")
    converge()
    gone = row_of(old).key
    sandbox.backup()
    old.delete()
    converge()
    new = User.objects.create(name="Ann", phone="1", username="ann1")
    converge()
    sandbox.restore()
    owe_everything()
    first = gone if looks_first == "the old one" else row_of(new).key
    while Record.objects.get(key=first).due_at is not None and step(first):
        pass
    converge()
    assert_everybody_of_ours_is_there_once(sandbox)


def test_who_is_gone_is_not_called_gone_while_the_one_of_the_same_username_may_be_the_record_found(
    sandbox: SandboxControl,
) -> None:
    sandbox.faults(capabilities=["query"], unique_usernames=False)
    old = User.objects.create(name="Ann", phone="1", username="ann1")
    converge()
    sandbox.backup()
    old.delete()
    converge()
    sandbox.restore()
    new = User.objects.create(name="Ann", phone="1", username="ann1")
    sandbox.faults(capabilities=["query"], unique_usernames=False, apply_then_cut=1)
    step(new)
    sandbox.faults(capabilities=["query"], unique_usernames=False)
    owe_everything()
    key = Record.objects.get(object_id=old.uuid.hex).key
    step(key)
    assert Record.objects.get(key=key).state != "deleted"
    converge()
    assert held_records(sandbox) == wanted_records()


def test_a_record_of_somebody_whom_an_update_of_another_has_gone_astray_to_stays_theirs(
    sandbox: SandboxControl,
) -> None:
    sandbox.faults(capabilities=["query"])
    sandbox.backup()
    [astray] = people(range(1))
    converge()
    sandbox.restore()
    [theirs] = people(range(1, 2))
    step(theirs)
    assert row_of(theirs).remote_id == "r1"
    sandbox.edit("r1", externalId=str(astray.uuid), name="Person 0")
    astray.delete()
    owe_everything()
    drained()
    assert held_records(sandbox) == wanted_records()
    assert "deleted" not in effects(sandbox)


def test_who_takes_the_username_of_somebody_gone_whose_record_is_back_makes_them_look_without_a_backfill(
    sandbox: SandboxControl,
) -> None:
    old = User.objects.create(name="Ann", phone="1", username="ann1")
    converge()
    sandbox.backup()
    old.delete()
    converge()
    sandbox.restore()
    User.objects.create(name="Ann", phone="2", username="ann1")
    converge()
    assert held_records(sandbox) == wanted_records()


def test_a_username_that_another_of_ours_holds_at_the_target_for_good_is_a_conflict_of_identities(
    sandbox: SandboxControl,
) -> None:
    [holder] = people(range(1))
    converge()
    sandbox.edit("r1", username="ann1")
    new = User.objects.create(name="Ann", phone="2", username="ann1")
    converge()
    assert row_of(new).parked == "identity_conflict"
    assert row_of(holder).state == "synced"


def brought_back_and_overwritten(sandbox: SandboxControl, *, unique: bool) -> User:
    """The record of somebody gone is back under an id that somebody of ours has by now, who is edited before the backfill."""
    sandbox.faults(capabilities=["query"], unique_usernames=unique, reuse_ids=True)
    old = User.objects.create(name="Ann", phone="1", username="ann1")
    converge()
    sandbox.backup()
    old.delete()
    converge()
    [astray] = people(range(1))
    converge()
    sandbox.restore()
    User.objects.filter(pk=astray.pk).update(email="astray@example.org")
    converge()
    [overwritten] = sandbox.users()
    assert (overwritten["externalId"], overwritten["username"]) == (str(astray.uuid), "ann1")
    return astray


@pytest.mark.parametrize("first", ["the newcomer", "the backfill"])
def test_who_takes_the_username_of_somebody_gone_gets_the_record_that_a_change_of_another_went_astray_to(
    sandbox: SandboxControl, first: str
) -> None:
    brought_back_and_overwritten(sandbox, unique=True)
    if first == "the backfill":
        owe_everything()
        converge()
    User.objects.create(name="Ann", phone="2", username="ann1")
    converge()
    owe_everything()
    converge()
    assert_everybody_of_ours_is_there_once(sandbox)


def test_a_record_that_a_change_went_astray_to_is_left_to_nobody_who_has_one_of_their_own(
    sandbox: SandboxControl,
) -> None:
    astray = brought_back_and_overwritten(sandbox, unique=False)
    new = User.objects.create(name="Ann", phone="2", username="ann1")
    converge()
    owe_everything()
    converge()
    assert {record["externalId"]: record["email"] for record in sandbox.users()} == {
        str(astray.uuid): "astray@example.org", str(new.uuid): "",
    }  # fmt: skip
    assert len(sandbox.users()) == 2


def test_a_record_of_our_natural_key_that_another_of_ours_has_let_go_of_is_ours(sandbox: SandboxControl) -> None:
    [other] = people(range(1))
    converge()
    sandbox.create(username="ann1", name="Person 0", phone="13800000000", externalId=str(other.uuid))
    User.objects.create(name="Ann", phone="2", username="ann1")
    converge()
    assert_everybody_is_there_once(sandbox)


def test_what_a_record_of_ours_held_that_another_of_ours_has_let_go_of_is_known_before_it_is_rewritten(
    sandbox: SandboxControl, settings: Any
) -> None:
    [other] = people(range(1))
    converge()
    astray = {"name": "Person 0", "phone": "13800000000", "email": "0@example.org"}
    sandbox.create(username="ann1", **astray, externalId=str(other.uuid))
    settings.SYNC_BRAKE_MIN, settings.SYNC_BRAKE_PERCENT = 0, 0.0
    new = User.objects.create(name="Ann", phone="2", username="ann1")
    converge()
    assert row_of(new).state == "held"
    assert next(each["name"] for each in sandbox.users() if each["username"] == "ann1") == "Person 0"


@pytest.mark.parametrize("unique", [True, False], ids=["usernames are unique", "usernames are shared"])
@pytest.mark.parametrize("stays", [True, False])
def test_who_comes_back_before_the_backfill_is_not_added_beside_the_record_that_a_restore_has_brought_back(
    sandbox: SandboxControl, *, unique: bool, stays: bool
) -> None:
    sandbox.faults(capabilities=["query"], unique_usernames=unique)
    [ours] = people(range(1))
    converge()
    sandbox.backup()
    User.objects.update(is_active=False)
    converge()
    sandbox.restore()
    User.objects.update(is_active=True, email="back@example.org")
    converge()
    User.objects.update(is_active=stays)
    converge()
    assert held_records(sandbox) == wanted_records()
    owe_everything()
    converge()
    assert held_records(sandbox) == wanted_records()
    assert row_of(ours).state == "synced"


def test_who_is_linked_to_the_record_of_somebody_gone_takes_it_though_it_is_of_a_later_version(
    sandbox: SandboxControl, partner: Callable[..., None]
) -> None:
    partner(capabilities=ALL)
    sandbox.faults(capabilities=list(ALL), unique_usernames=False, reuse_ids=True)
    old = User.objects.create(name="Ann", phone="1", username="ann1")
    for number in range(3):
        User.objects.update(email=f"{number}@example.org")
        converge()
    gone = row_of(old).key
    sandbox.backup()
    old.delete()
    converge()
    new = User.objects.create(name="Ann", phone="1", username="ann1")
    converge()
    assert row_of(new).remote_id == "r1"
    sandbox.restore()
    owe_everything()
    step(gone)
    converge()
    assert_everybody_of_ours_is_there_once(sandbox)


@pytest.mark.parametrize("is_active", [True, False], ids=["deleted", "inactive"])
def test_who_goes_takes_nobody_along_whom_their_own_people_gave_the_id_to(
    reuses: SandboxControl, *, is_active: bool
) -> None:
    """Nobody has told us that they deleted ours: it is looked at before it goes."""
    [ours] = people(range(1))
    converge()
    reuses.delete("r1")
    stranger = reuses.create(username="stranger", name="Stranger", externalId="their own")
    assert stranger["userId"] == "r1"
    if is_active:
        ours.delete()
    else:
        User.objects.update(is_active=False)
    converge()
    assert reuses.users() == [stranger]
    assert (Record.objects.get().remote_id, Record.objects.get().due_at) == (None, None)


@pytest.mark.parametrize("why", ["an audit", "a backfill"])
def test_a_record_of_theirs_that_has_the_id_of_one_that_we_adopted_is_not_ours(
    reuses: SandboxControl, why: str
) -> None:
    reuses.create(username="person013800000000", name="Theirs", phone="13800000000")
    [ours] = people(range(1))
    converge()
    assert (row_of(ours).adopted, row_of(ours).remote_id) == ("match", "r1")
    reuses.delete("r1")
    stranger = reuses.create(username="extra", name="Extra")
    assert stranger["userId"] == "r1"
    if why == "an audit":
        assert found(audited(mends=True)) == {"missing": 1}
    else:
        owe_everything()
    converge()
    assert stranger in reuses.users()
    assert [each["externalId"] for each in reuses.users()] == ["", str(ours.uuid)]
    assert row_of(ours).state == "synced"


def test_a_removal_that_was_long_in_coming_is_looked_at_again_before_it_goes(reuses: SandboxControl) -> None:
    """Whatever it waited for: a pause, the brake, another record, a target that failed."""
    [ours] = people(range(1))
    converge()
    ours.delete()
    step(row_of(ours).key)  # it is looked at before it goes
    look_was_an_hour_ago()
    stranger = stranger_in_its_place(reuses)
    converge()
    assert reuses.users() == [stranger]
    assert Record.objects.get().state == "deleted"


def test_a_look_whose_lease_was_lost_is_none(reuses: SandboxControl) -> None:
    """What it showed is not in the row."""
    [ours] = people(range(1))
    converge()
    key = row_of(ours).key
    ours.delete()
    step(key)
    look_was_an_hour_ago()
    lease = alone.claim(key)
    assert lease is not None
    alone.leave(lease, Call.CONFIRM, for_seconds=0.2)
    Attempt.objects.filter(outcome="").update(outcome=Outcome.OK, finished_at=Now())
    stranger = stranger_in_its_place(reuses)
    converge()
    assert reuses.users() == [stranger]
    assert Record.objects.get().state == "deleted"


def test_a_removal_that_always_waits_is_looked_at_so_often_and_then_goes(reuses: SandboxControl) -> None:
    [ours] = people(range(1))
    converge()
    key = row_of(ours).key
    ours.delete()
    for _ in range(LOOKS_BEFORE_A_REMOVAL):
        step(key)
        look_was_an_hour_ago()
    assert len(reuses.users()) == 1
    step(key)
    assert reuses.users() == []


def test_a_removal_that_follows_its_look_costs_two_calls(reuses: SandboxControl) -> None:
    [ours] = people(range(1))
    converge()
    key = row_of(ours).key
    ours.delete()
    converge()
    calls = Attempt.objects.filter(record=key).order_by("id").values_list("call", flat=True)
    assert list(calls) == ["add", "confirm", "delete"]


def look_was_an_hour_ago() -> None:
    Attempt.objects.update(finished_at=F("finished_at") - timedelta(hours=1))


def stranger_in_its_place(sandbox: SandboxControl) -> Mapping[str, Any]:
    """Their own people delete our record, and give its id to one of theirs."""
    sandbox.delete("r1")
    stranger = sandbox.create(username="stranger", name="Stranger", externalId="their own")
    assert stranger["userId"] == "r1"
    return stranger
