"""The main job: create, update, deactivate, reactivate, role change and delete all reach the target."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group

from tests.integration.conftest import converge, effects, held_records, row_of, step, wanted_records
from thirdparty import store
from thirdparty.decide.failures import CRASH_LIMIT
from thirdparty.models import Attempt, Record
from thirdparty.sandbox.client import SandboxControl
from users.models import RoleMapping, User


@pytest.fixture
def user(sandbox: SandboxControl) -> User:
    return User.objects.create(name="张伟", phone="13800000001", email="zw@example.com")


def test_a_new_user_is_added(user: User, sandbox: SandboxControl) -> None:
    step(user)
    assert held_records(sandbox) == wanted_records()
    row = row_of(user)
    assert row.state == "synced"
    assert row.synced_generation == row.generation == 1
    assert row.due_at is None
    assert row.owed_since is None
    assert row.remote_id == sandbox.users()[0]["userId"]


def test_an_edit_is_an_update_of_the_same_record(user: User, sandbox: SandboxControl) -> None:
    converge()
    user.name = "李娜"
    user.save()
    converge()
    assert held_records(sandbox) == wanted_records()
    assert effects(sandbox) == ["created", "updated"]


def test_a_hundred_edits_become_one_push(user: User, sandbox: SandboxControl) -> None:
    converge()
    for n in range(100):
        User.objects.filter(pk=user.pk).update(phone=str(n))
    converge()
    assert held_records(sandbox) == wanted_records()
    assert effects(sandbox) == ["created", "updated"]


def test_a_deactivated_user_is_deleted_and_a_reactivated_one_added_again(user: User, sandbox: SandboxControl) -> None:
    converge()
    User.objects.update(is_active=False)
    converge()
    assert sandbox.users() == []
    assert row_of(user).state == "synced"
    User.objects.update(is_active=True)
    converge()
    assert held_records(sandbox) == wanted_records()
    assert effects(sandbox) == ["created", "deleted", "created"]


def test_a_deleted_user_is_deleted_and_the_tombstone_says_so(user: User, sandbox: SandboxControl) -> None:
    converge()
    user.delete()
    converge()
    assert sandbox.users() == []
    row = Record.objects.get()
    assert (row.state, row.remote_id, row.due_at) == ("deleted", None, None)


def test_a_user_gone_before_anything_was_sent_is_never_looked_up(user: User, sandbox: SandboxControl) -> None:
    user.delete()
    converge()
    assert Record.objects.get().state == "deleted"
    assert sandbox.ledger() == []


def test_roles_reach_the_target_in_ascending_order(user: User, sandbox: SandboxControl) -> None:
    for name, role in (("sales", "r9"), ("staff", "r10")):
        group = Group.objects.create(name=name)
        RoleMapping.objects.create(group=group, target="partner", remote_role_id=role)
        user.groups.add(group)
    converge()
    assert sandbox.users()[0]["roleIds"] == ["r10", "r9"]


def test_a_changed_role_mapping_is_pushed_for_the_members(user: User, sandbox: SandboxControl) -> None:
    group = Group.objects.create(name="sales")
    mapping = RoleMapping.objects.create(group=group, target="partner", remote_role_id="old")
    user.groups.add(group)
    converge()
    mapping.remote_role_id = "new"
    mapping.save()
    converge()
    assert sandbox.users()[0]["roleIds"] == ["new"]


def test_a_group_without_a_role_parks_the_record_until_it_is_mapped(user: User, sandbox: SandboxControl) -> None:
    group = Group.objects.create(name="sales")
    user.groups.add(group)
    converge()
    row = row_of(user)
    assert (row.state, row.parked) == ("parked", "unmapped_role")
    assert "'sales'" in row.last_error
    assert sandbox.ledger() == []
    RoleMapping.objects.create(group=group, target="partner", remote_role_id="7")
    converge()
    assert sandbox.users()[0]["roleIds"] == ["7"]


def test_a_refused_record_is_parked_with_the_reason_and_delays_no_other(user: User, sandbox: SandboxControl) -> None:
    sandbox.faults(rates={"422": 1}, only={"usernames": [user.username]})
    other = User.objects.create(name="Other")
    converge()
    assert row_of(user).state == "parked"
    assert "422" in row_of(user).last_error
    assert row_of(other).state == "synced"


def test_an_edit_takes_a_refused_record_out_of_the_park(user: User, sandbox: SandboxControl) -> None:
    sandbox.faults(rates={"422": 1})
    converge()
    sandbox.heal()
    User.objects.update(name="Better")
    converge()
    assert held_records(sandbox) == wanted_records()


@pytest.mark.parametrize("fault", ["429", "503", "425", "busy"])
def test_a_transient_failure_is_tried_again_and_never_parks(user: User, sandbox: SandboxControl, fault: str) -> None:
    sandbox.faults(rates={fault: 1}, retry_after=0)
    for _ in range(3):
        store.look_now([row_of(user).key])
        step(user)
    row = row_of(user)
    assert (row.state, row.failed_tries) == ("pending", 3)
    assert row.unknown_until is None
    sandbox.heal()
    converge()
    assert held_records(sandbox) == wanted_records()
    assert row_of(user).failed_tries == 0


def test_a_dead_target_loses_nothing(
    user: User, sandbox: SandboxControl, partner: Callable[..., None], sandbox_url: str
) -> None:
    partner(base_url="http://127.0.0.1:1")
    step(user)
    assert (row_of(user).state, row_of(user).failed_tries) == ("pending", 1)
    partner(base_url=sandbox_url)
    converge()
    assert held_records(sandbox) == wanted_records()


def test_an_edit_made_during_a_push_is_pushed_once_more(
    user: User, sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    from thirdparty.connectors.landcloud.connector import LandcloudConnector

    add = LandcloudConnector.add

    def add_while_edited(self: LandcloudConnector, *args: Any, **kwargs: Any) -> str:
        remote_id = add(self, *args, **kwargs)
        User.objects.update(name="Edited meanwhile")
        return remote_id

    monkeypatch.setattr(LandcloudConnector, "add", add_while_edited)
    pushed = step(user)
    assert pushed is not None
    assert pushed.again
    assert (row_of(user).synced_generation, row_of(user).generation) == (1, 2)
    converge()
    assert held_records(sandbox) == wanted_records()
    assert effects(sandbox) == ["created", "updated"]


def test_every_write_request_has_its_attempt(user: User, sandbox: SandboxControl) -> None:
    converge()
    User.objects.update(name="Two")
    converge()
    user.delete()
    converge()
    requests = [entry["call"] for entry in sandbox.ledger() if entry["kind"] == "request"]
    attempts = Attempt.objects.order_by("id").values_list("call", "outcome")
    assert requests == ["add", "update", "query", "delete"]
    assert list(attempts) == [("add", "ok"), ("update", "ok"), ("confirm", "ok"), ("delete", "ok")]


def test_the_remote_username_is_frozen_at_the_first_claim(user: User, sandbox: SandboxControl) -> None:
    converge()
    User.objects.update(username="renamed", name="Renamed")
    converge()
    assert sandbox.users()[0]["username"] == "zhangwei13800000001"
    assert sandbox.users()[0]["name"] == "Renamed"


def test_a_record_that_vanished_at_the_target_is_created_anew(user: User, sandbox: SandboxControl) -> None:
    converge()
    sandbox.delete(row_of(user).remote_id)
    User.objects.update(name="Again")
    converge()
    assert held_records(sandbox) == wanted_records()


def test_a_record_that_crashes_our_own_code_is_parked_in_the_end(
    user: User, sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    def explode(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("thirdparty.run.payloads._wanted", explode)
    for _ in range(CRASH_LIMIT):
        store.look_now([row_of(user).key])
        step(user)
    row = row_of(user)
    assert (row.state, row.parked) == ("parked", "crashed")
    assert "ZeroDivisionError" in row.last_error
    assert Attempt.objects.filter(outcome="crashed").count() == CRASH_LIMIT


def test_a_person_unparks_a_record_by_asking_to_look_again(user: User, sandbox: SandboxControl) -> None:
    sandbox.faults(rates={"422": 1})
    converge()
    sandbox.heal()
    store.look_now([row_of(user).key])
    converge()
    assert row_of(user).state == "synced"


def test_no_attempt_holds_personal_details_or_secrets(user: User, sandbox: SandboxControl) -> None:
    for fault in ("422", "500", "html"):
        sandbox.faults(rates={fault: 1})
        store.look_now([row_of(user).key])
        step(user)
    kept = repr(list(Attempt.objects.values())) + repr(list(Record.objects.values_list("last_error")))
    for secret in ("张伟", "13800000001", "zw@example.com", "sandbox-secret", "first-password"):
        assert secret not in kept
