"""Strict writes: all targets accept, or nothing stays, here or there."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db import connection

from tests.integration.conftest import at_once, effects, held_records, wanted_records
from tests.integration.strictly import STRICT, ZHANG, Killed, converge, create, expire, rows
from thirdparty.connectors.landcloud.connector import LandcloudConnector
from thirdparty.consistency.strict import applying, asking, taking_back
from thirdparty.consistency.strict.errors import ChangedMeanwhile, NotAccepted, Underway
from thirdparty.models import Record, StrictWrite
from thirdparty.observe.explain import explain
from thirdparty.run.push import push
from thirdparty.sandbox.client import SandboxControl
from users import consistency, services
from users.models import RoleMapping, User
from users.synced import person


@pytest.fixture(autouse=True)
def _short_pauses(settings: Any) -> None:
    settings.SYNC_WAIT_PAUSE_SECONDS = 0.05


# -- accepted ---------------------------------------------------------------------------


def test_an_accepted_create_is_saved_and_acknowledged_and_not_pushed_again(
    saas: SandboxControl, sandbox: SandboxControl
) -> None:
    user = create()
    assert [row[:2] for row in rows(user)] == [("partner", "synced"), ("saas", "synced")]
    assert Record.objects.filter(due_at__isnull=False).count() == 0
    for target in (sandbox, saas):
        assert held_records(target) == wanted_records()
        assert effects(target) == ["created"]
    assert not StrictWrite.objects.exists()


def test_an_accepted_update_brings_values_and_roles(sandbox: SandboxControl) -> None:
    group = Group.objects.create(name="Sales")
    RoleMapping.objects.create(group=group, target="partner", remote_role_id="7")
    user = create()
    consistency.update(user.uuid, {"name": "李娜", "groups": ["Sales"]}, consistency=STRICT)
    assert held_records(sandbox) == wanted_records()
    assert sandbox.users()[0]["roleIds"] == ["7"]
    assert effects(sandbox) == ["created", "updated"]
    assert Record.objects.get().state == "synced"


def test_a_strict_update_that_changes_nothing_is_level_afterwards(sandbox: SandboxControl) -> None:
    user = create()
    consistency.update(user.uuid, {"name": "张伟"}, consistency=STRICT)
    assert Record.objects.get().state == "synced"


def test_an_accepted_delete_leaves_a_confirmed_tombstone(sandbox: SandboxControl) -> None:
    user = create()
    consistency.delete(user.uuid, consistency=STRICT)
    assert sandbox.users() == []
    assert not User.objects.exists()
    assert Record.objects.get().state == "deleted"
    assert Record.objects.get().due_at is None


def test_what_passes_is_tried_again(sandbox: SandboxControl) -> None:
    sandbox.faults(busy=True, only={"first": 2})
    create()
    assert held_records(sandbox) == wanted_records()


def test_an_answer_lost_after_the_add_is_verified_and_accepted(sandbox: SandboxControl) -> None:
    sandbox.faults(apply_then_500=True, only={"calls": ["add"], "first": 1})
    create()
    converge()
    assert held_records(sandbox) == wanted_records()
    assert Record.objects.get().state == "synced"


def test_a_record_that_is_dead_is_revived_by_a_strict_update(sandbox: SandboxControl) -> None:
    sandbox.faults(invalid=True)
    user = services.create_user(**ZHANG)
    converge()
    assert rows(user)[0][1] == "parked"
    sandbox.faults()
    consistency.update(user.uuid, {"name": "李娜"}, consistency=STRICT)
    assert held_records(sandbox) == wanted_records()
    assert rows(user)[0][1] == "synced"


# -- not accepted -----------------------------------------------------------------------


def test_a_refused_create_leaves_nothing_here_and_is_undone_there(
    saas: SandboxControl, sandbox: SandboxControl
) -> None:
    saas.faults(invalid=True)
    with pytest.raises(NotAccepted) as refused:
        create()
    assert [(v.target, v.accepted, v.reason) for v in refused.value.verdicts] == [
        ("partner", True, ""), ("saas", False, "invalid")
    ]  # fmt: skip
    assert not User.objects.exists()
    assert not StrictWrite.objects.exists()
    saas.faults()
    converge()
    assert sandbox.users() == saas.users() == []
    assert effects(sandbox) == ["created", "deleted"]
    assert set(Record.objects.values_list("state", flat=True)) == {"deleted"}


def test_a_refused_update_goes_back_to_the_old_values(saas: SandboxControl, sandbox: SandboxControl) -> None:
    user = create()
    saas.faults(invalid=True)
    with pytest.raises(NotAccepted):
        consistency.update(user.uuid, {"name": "李娜"}, consistency=STRICT)
    assert User.objects.get().name == "张伟"
    saas.faults()
    converge()
    for target in (sandbox, saas):
        assert held_records(target) == wanted_records()
    assert effects(sandbox) == ["created", "updated", "updated"]


def test_a_target_that_was_not_asked_gets_no_needless_push(saas: SandboxControl, sandbox: SandboxControl) -> None:
    user = create()
    sandbox.faults(invalid=True)
    with pytest.raises(NotAccepted) as refused:
        consistency.update(user.uuid, {"name": "李娜"}, consistency=STRICT)
    assert [v.reason for v in refused.value.verdicts] == ["invalid", "not_asked"]
    sandbox.faults()
    converge()
    assert effects(saas) == ["created"]


def test_a_refused_delete_keeps_the_user_and_adds_what_another_target_had_deleted(
    saas: SandboxControl, sandbox: SandboxControl
) -> None:
    user = create()
    saas.faults(invalid=True, only={"calls": ["delete"]})
    with pytest.raises(NotAccepted):
        consistency.delete(user.uuid, consistency=STRICT)
    assert User.objects.get() == user
    saas.faults()
    converge()
    assert held_records(sandbox) == held_records(saas) == wanted_records()


def test_a_target_that_stays_busy_refuses_after_the_tries(sandbox: SandboxControl) -> None:
    sandbox.faults(busy=True)
    with pytest.raises(NotAccepted) as refused:
        create()
    assert refused.value.verdicts[0].reason == "busy"
    assert not User.objects.exists()
    sandbox.faults()
    converge()
    assert sandbox.users() == []


def test_an_add_that_takes_effect_late_is_deleted_again(sandbox: SandboxControl, settings: Any) -> None:
    settings.SYNC_WAIT_TRIES = 1
    sandbox.faults(late_apply=True, late_seconds=0.3, late_answer="504", only={"calls": ["add"]})
    with pytest.raises(NotAccepted) as refused:
        create()
    assert refused.value.verdicts[0].reason == "http_504"
    time.sleep(0.4)
    converge()
    assert sandbox.users() == []
    assert Record.objects.get().state == "deleted"


@pytest.mark.parametrize("adopt", ["match", "trust"])
def test_an_adopted_record_is_unlinked_and_not_deleted(
    saas: SandboxControl, sandbox: SandboxControl, settings: Any, adopt: str
) -> None:
    settings.SYNC_TARGETS = {name: replace(item, adopt=adopt) for name, item in settings.SYNC_TARGETS.items()}
    sandbox.create(username="zhangwei13800000001", name="Old", phone="13800000001")
    saas.faults(invalid=True)
    with pytest.raises(NotAccepted):
        create()
    saas.faults()
    converge()
    assert len(sandbox.users()) == 1
    assert "deleted" not in effects(sandbox)


def test_an_adopted_record_of_an_accepted_create_is_ours_like_any_other(sandbox: SandboxControl) -> None:
    sandbox.create(username="zhangwei13800000001", name="Old", phone="13800000001")
    create()
    assert Record.objects.get().adopted == "match"


@pytest.mark.parametrize("versions", [True, False])
def test_versions_do_not_stand_in_the_way_of_undoing(
    saas: SandboxControl, sandbox: SandboxControl, settings: Any, *, versions: bool
) -> None:
    offered = ["query", "versions"] if versions else []
    changed = {}
    for name, item in settings.SYNC_TARGETS.items():
        changed[name] = replace(item, capabilities=replace(item.capabilities, query=bool(offered), versions=versions))
    settings.SYNC_TARGETS = changed
    for target in (sandbox, saas):
        target.faults(capabilities=offered)
    user = create()
    saas.faults(invalid=True)
    with pytest.raises(NotAccepted):
        consistency.update(user.uuid, {"name": "李娜"}, consistency=STRICT)
    saas.faults()
    converge()
    assert held_records(sandbox) == held_records(saas) == wanted_records()


# -- others meanwhile -------------------------------------------------------------------


@pytest.fixture
def during(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], Any]], list[Any]]:
    """Do something once, after the first target has been asked and before anything is applied here."""

    def arrange(deed: Callable[[], Any]) -> list[Any]:
        done: list[Any] = []
        real = applying.apply

        def apply(*arguments: Any) -> None:
            done.append(deed())
            real(*arguments)

        monkeypatch.setattr(applying, "apply", apply)
        return done

    return arrange


def test_nothing_is_visible_here_before_acceptance(sandbox: SandboxControl, during: Any) -> None:
    seen = during(lambda: (User.objects.count(), len(sandbox.users())))
    create()
    assert seen == [(0, 1)]


def test_the_explanation_says_that_a_strict_write_is_open(sandbox: SandboxControl, during: Any) -> None:
    user = create()
    seen = during(lambda: explain(person(user.uuid))[0].blocked_by)
    consistency.update(user.uuid, {"name": "李娜"}, consistency=STRICT)
    assert seen[0][0].startswith("a strict update waits for the targets, until ")


def test_workers_leave_the_record_alone_while_a_strict_write_is_open(sandbox: SandboxControl, during: Any) -> None:
    user = create()
    seen = during(lambda: push("partner", Record.objects.get().key))
    consistency.update(user.uuid, {"name": "李娜"}, consistency=STRICT)
    assert seen == [None]
    assert effects(sandbox) == ["created", "updated"]


@pytest.mark.parametrize("write", ["update", "delete", "strict"])
def test_a_second_write_meanwhile_is_refused(sandbox: SandboxControl, during: Any, write: str) -> None:
    user = create()

    def second() -> str:
        how = {"strict": STRICT}.get(write, consistency.EVENTUAL)
        try:
            if write == "delete":
                consistency.delete(user.uuid)
            else:
                consistency.update(user.uuid, {"phone": "555"}, consistency=how)
        except Underway as underway:
            return "refused" if underway.retry_after_seconds >= 1 else "at once"
        return "done"

    seen = during(second)
    consistency.update(user.uuid, {"name": "李娜"}, consistency=STRICT)
    assert seen == ["refused"]
    assert held_records(sandbox) == wanted_records()


def test_a_write_past_the_api_is_not_lost_and_the_candidate_gives_way(sandbox: SandboxControl, during: Any) -> None:
    user = create()
    during(lambda: User.objects.update(phone="555"))
    with pytest.raises(ChangedMeanwhile):
        consistency.update(user.uuid, {"name": "李娜"}, consistency=STRICT)
    user.refresh_from_db()
    assert (user.name, user.phone) == ("张伟", "555")
    converge()
    assert held_records(sandbox) == wanted_records()


def test_a_role_that_changes_meanwhile_is_owed_afterwards(sandbox: SandboxControl, during: Any) -> None:
    group = Group.objects.create(name="Sales")
    role = RoleMapping.objects.create(group=group, target="partner", remote_role_id="7")
    user = create(groups=["Sales"])
    during(lambda: RoleMapping.objects.filter(pk=role.pk).update(remote_role_id="8"))
    consistency.update(user.uuid, {"name": "李娜"}, consistency=STRICT)
    converge()
    assert sandbox.users()[0]["roleIds"] == ["8"]
    assert held_records(sandbox) == wanted_records()


def test_a_role_of_a_new_group_that_changes_meanwhile_is_owed_afterwards(sandbox: SandboxControl, during: Any) -> None:
    role = RoleMapping.objects.create(group=Group.objects.create(name="Sales"), target="partner", remote_role_id="7")
    user = create()
    during(lambda: RoleMapping.objects.filter(pk=role.pk).update(remote_role_id="8"))
    consistency.update(user.uuid, {"groups": ["Sales"]}, consistency=STRICT)
    converge()
    assert sandbox.users()[0]["roleIds"] == ["8"]


def test_an_answer_that_cannot_be_kept_is_no_acceptance(sandbox: SandboxControl, monkeypatch: Any) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite holds anything")
    monkeypatch.setattr(LandcloudConnector, "add", lambda *_, **__: "r" * 200)
    with pytest.raises(NotAccepted, match="unstorable"):
        create()
    assert not User.objects.exists()


def test_a_create_under_an_id_that_is_given_out_again_is_accepted_and_whoever_had_it_is_made_anew(
    sandbox: SandboxControl,
) -> None:
    sandbox.backup()
    create()
    sandbox.restore()
    create(phone="13800000002")
    converge()
    assert held_records(sandbox) == wanted_records()
    assert set(Record.objects.values_list("state", flat=True)) == {"synced"}


def test_the_username_of_a_strict_create_is_kept_for_it(sandbox: SandboxControl, during: Any) -> None:
    def rival() -> list[str]:
        made = services.create_user(**ZHANG).username
        with pytest.raises(ValidationError, match="being registered"):
            services.create_user(name="Other", username="zhangwei13800000001")
        return [made]

    seen = during(rival)
    assert create().username == "zhangwei13800000001"
    assert seen == [["zhangwei13800000001x2"]]


def test_a_username_taken_by_sql_meanwhile_wins_and_the_candidate_is_undone(
    sandbox: SandboxControl, during: Any
) -> None:
    during(lambda: User.objects.bulk_create([User(name="Rival", username="zhangwei13800000001")]))
    with pytest.raises(ValidationError):
        create()
    converge()
    assert held_records(sandbox) == wanted_records()
    assert User.objects.get().name == "Rival"


def test_a_username_chosen_just_before_another_create_ended_with_it_is_chosen_again(
    sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    create()
    real_choice, stale = User.free_username, ["zhangwei13800000001"]
    monkeypatch.setattr(User, "free_username", lambda user: stale.pop() if stale else real_choice(user))
    assert create().username == "zhangwei13800000001x2"
    assert held_records(sandbox) == wanted_records()


@pytest.mark.django_db(transaction=True)
def test_of_two_strict_creates_at_once_each_user_is_one_record(sandbox: SandboxControl) -> None:
    made = at_once(*[create] * 3)
    assert len({user.username for user in made if user}) == len(made)
    assert held_records(sandbox) == wanted_records()


# -- the process dies -------------------------------------------------------------------


@pytest.mark.parametrize("place", ["opened", "asked first", "asked all", "applied"])
@pytest.mark.parametrize("kind", ["create", "update", "delete"])
def test_a_process_that_dies_leaves_one_of_the_two_states(
    saas: SandboxControl, sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch, kind: str, place: str
) -> None:
    user = None if kind == "create" else create()
    monkeypatch.setattr(taking_back, "take_back", lambda _: False)
    asked: list[str] = []
    real_push, real_apply = asking.push_until_done, applying.apply

    def dying_push(target: str, key: str, **options: Any) -> Any:
        if place == "opened" or (place == "asked first" and target == "saas"):
            raise Killed
        asked.append(target)
        return real_push(target, key, **options)

    def dying_apply(*arguments: Any) -> None:
        if place == "applied":
            real_apply(*arguments)
        raise Killed

    monkeypatch.setattr(asking, "push_until_done", dying_push)
    monkeypatch.setattr(applying, "apply", dying_apply)
    with pytest.raises(Killed):
        if user is None:
            create()
        elif kind == "update":
            consistency.update(user.uuid, {"name": "李娜"}, consistency=STRICT)
        else:
            consistency.delete(user.uuid, consistency=STRICT)
    monkeypatch.undo()
    expire()
    converge()
    assert not StrictWrite.objects.exists()
    names = list(User.objects.values_list("name", flat=True))
    old, new = {"create": ([], ["张伟"]), "update": (["张伟"], ["李娜"]), "delete": (["张伟"], [])}[kind]
    assert names == (new if place == "applied" else old)
    assert held_records(sandbox) == held_records(saas) == wanted_records()


def test_the_next_write_need_not_wait_for_the_reconciler_once_the_time_is_over(
    sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = create()

    def die(*_: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(applying, "apply", die)
        patch.setattr(taking_back, "take_back", lambda _: False)
        with pytest.raises(Killed):
            consistency.update(user.uuid, {"name": "李娜"}, consistency=STRICT)
        with pytest.raises(Killed):
            create(username="kept", phone="2")
    with pytest.raises(Underway):
        services.update_user(user.uuid, phone="555")
    expire()
    services.update_user(user.uuid, phone="555")
    with pytest.raises(NotAccepted) as refused:
        create(username="kept", phone="2")
    assert "still holds the natural key" in refused.value.verdicts[0].message
    converge()
    assert create(username="kept", phone="2").username == "kept"
    assert held_records(sandbox) == wanted_records()


def test_a_process_frozen_past_its_time_applies_nothing(sandbox: SandboxControl, during: Any) -> None:
    user = create()
    during(expire)
    with pytest.raises(ChangedMeanwhile):
        consistency.update(user.uuid, {"name": "李娜"}, consistency=STRICT)
    converge()
    assert User.objects.get().name == "张伟"
    assert held_records(sandbox) == wanted_records()
