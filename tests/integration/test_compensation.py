"""What people do about a record that does not come right by itself, and that it is on record."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group
from django.core.management import CommandError, call_command

from tests.integration.conftest import converge, effects, held_records, row_of, step, wanted_records
from thirdparty import store
from thirdparty.consistency.strict import applying
from thirdparty.consistency.strict.errors import ChangedMeanwhile
from thirdparty.decide.lease import Terms
from thirdparty.decisions.compensation import CannotCompensate, Deed, compensate
from thirdparty.models import Record
from thirdparty.sandbox.client import SandboxControl
from users import consistency
from users.consistency import Consistency, Mode
from users.models import RoleMapping, User


@pytest.fixture
def operator(db: None) -> User:
    return User.objects.create_superuser("root")


@pytest.fixture
def conflict(sandbox: SandboxControl) -> User:
    """Somebody whose username is another record's at the target."""
    sandbox.create(username="zhangwei13800000001", name="Stranger", phone="999", email="s@example.org")
    user = User.objects.create(name="张伟", phone="13800000001")
    converge()
    assert row_of(user).parked == "identity_conflict"
    return user


@pytest.fixture
def decide(operator: User) -> Callable[..., None]:
    def decide(user: User, deed: Deed, **options: Any) -> None:
        row = row_of(user)
        options.setdefault("seen", row.generation)
        compensate(row.key, deed, account=operator, reason="they rang us", **options)

    return decide


def test_retry_makes_a_dead_record_due(conflict: User, sandbox: SandboxControl, decide: Any) -> None:
    sandbox.delete(sandbox.users()[0]["userId"])
    decide(conflict, Deed.RETRY)
    converge()
    assert held_records(sandbox) == wanted_records()


def test_overwrite_pushes_what_the_target_already_acknowledged(sandbox: SandboxControl, decide: Any) -> None:
    user = User.objects.create(name="张伟", phone="13800000001")
    converge()
    sandbox.faults(apply_then_500=True)
    User.objects.update(name="李娜")
    step(user)
    assert row_of(user).state == "unknown"
    sandbox.faults()
    sandbox.edit(sandbox.users()[0]["userId"], name="theirs")  # an update, too
    decide(user, Deed.OVERWRITE)
    step(user)  # whose record it is by now is looked up first
    step(user)
    assert effects(sandbox) == ["created", "updated", "updated", "updated"]


def test_adopt_links_the_record_and_brings_it_to_our_values(
    conflict: User, sandbox: SandboxControl, decide: Any
) -> None:
    decide(conflict, Deed.ADOPT, remote_id=sandbox.users()[0]["userId"])
    converge()
    assert held_records(sandbox) == wanted_records()
    assert row_of(conflict).adopted == "by hand"


def test_accept_writes_the_targets_values_here(conflict: User, sandbox: SandboxControl, decide: Any) -> None:
    sales = Group.objects.create(name="Sales")
    RoleMapping.objects.create(group=sales, target="partner", remote_role_id="7")
    sandbox.edit(sandbox.users()[0]["userId"], roleIds=["7"])
    decide(conflict, Deed.ACCEPT)
    conflict.refresh_from_db()
    assert (conflict.name, conflict.phone, conflict.email) == ("Stranger", "999", "s@example.org")
    assert list(conflict.groups.all()) == [sales]
    converge()
    assert row_of(conflict).state == "synced"
    assert held_records(sandbox) == wanted_records()


def test_settled_by_hand_owes_nothing_any_more(conflict: User, decide: Any, sandbox: SandboxControl) -> None:
    decide(conflict, Deed.SETTLE, remote_id=sandbox.users()[0]["userId"])
    row = row_of(conflict)
    assert (row.state, row.due_at, row.owed_since) == ("synced", None, None)


def test_who_did_what_and_why_is_on_record(conflict: User, decide: Any, sandbox: SandboxControl) -> None:
    remote_id = sandbox.users()[0]["userId"]
    decide(conflict, Deed.ADOPT, remote_id=remote_id)
    entry = LogEntry.objects.get()
    assert (entry.user.username, entry.object_id) == ("root", row_of(conflict).key)
    assert entry.change_message == f"adopt {remote_id}: they rang us"


@pytest.mark.parametrize(
    ("deed", "options", "said"),
    [
        (Deed.ADOPT, {}, "Give the id"),
        (Deed.ADOPT, {"remote_id": "nobody"}, "no such record"),
    ],
)
def test_what_does_not_fit_is_said_and_changes_nothing(
    conflict: User, decide: Any, deed: Deed, options: dict[str, str], said: str
) -> None:
    before = Record.objects.values().get()
    with pytest.raises(CannotCompensate, match=said):
        decide(conflict, deed, **options)
    assert Record.objects.values().get() == before
    assert not LogEntry.objects.exists()


def test_a_record_of_another_user_cannot_be_adopted(conflict: User, sandbox: SandboxControl, decide: Any) -> None:
    User.objects.create(name="Ada", phone="1")
    converge()
    adas = next(user["userId"] for user in sandbox.users() if user["name"] == "Ada")
    with pytest.raises(CannotCompensate, match="another object"):
        decide(conflict, Deed.ADOPT, remote_id=adas)
    sandbox.edit(adas, externalId="known-to-nobody-here")
    with pytest.raises(CannotCompensate, match="another object: it carries the id known-to-nobody-here"):
        decide(conflict, Deed.ADOPT, remote_id=adas)


def test_a_remote_role_that_no_group_has_is_named(conflict: User, sandbox: SandboxControl, decide: Any) -> None:
    sandbox.edit(sandbox.users()[0]["userId"], roleIds=["77"])
    with pytest.raises(CannotCompensate, match="role 77"):
        decide(conflict, Deed.ACCEPT)


def test_a_level_record_needs_nothing(sandbox: SandboxControl, decide: Any) -> None:
    user = User.objects.create(name="张伟", phone="13800000001")
    converge()
    with pytest.raises(CannotCompensate, match="is synced"):
        decide(user, Deed.SETTLE)


def test_a_record_that_a_worker_holds_is_left_to_it(sandbox: SandboxControl, operator: User) -> None:
    user = User.objects.create(name="张伟", phone="13800000001")
    store.claim([row_of(user).key], Terms(60, 1))
    with pytest.raises(CannotCompensate, match="is in_flight"):
        compensate(row_of(user).key, Deed.SETTLE, account=operator, seen=1, reason="why")


def test_a_reason_is_needed(conflict: User, operator: User) -> None:
    with pytest.raises(CannotCompensate, match="Say why"):
        compensate(row_of(conflict).key, Deed.RETRY, account=operator, seen=1, reason=" ")


def test_the_command_line_decides_in_an_accounts_name(
    conflict: User, operator: User, sandbox: SandboxControl, capsys: pytest.CaptureFixture[str]
) -> None:
    sandbox.edit(sandbox.users()[0]["userId"], externalId=str(conflict.uuid))
    words = ["compensate", "settle", conflict.username, "--target", "partner", "--reason", "mended at their side"]
    with pytest.raises(CommandError, match="no such account"):
        call_command("sync", *words, "--by", "nobody")
    with pytest.raises(CommandError, match="has changed since you looked: it is at generation 1, not 7"):
        call_command("sync", *words, "--by", "root", "--generation", "7")
    call_command("sync", *words, "--by", "root")
    assert "decided on generation 1" in capsys.readouterr().out
    assert row_of(conflict).state == "synced"
    assert LogEntry.objects.get().change_message == "settle: mended at their side"


@pytest.mark.parametrize("deed", [Deed.SETTLE, Deed.OVERWRITE, Deed.ADOPT, Deed.RETRY])
def test_nobody_decides_about_a_record_in_the_middle_of_a_strict_write(
    sandbox: SandboxControl, decide: Any, monkeypatch: Any, deed: Deed
) -> None:
    user = User.objects.create(name="张伟", phone="13800000001")
    converge()

    def interfere(*_: Any) -> None:
        with pytest.raises(CannotCompensate, match="strict write"):
            decide(user, deed, remote_id=row_of(user).remote_id)
        raise ChangedMeanwhile

    monkeypatch.setattr(applying, "apply", interfere)
    with pytest.raises(ChangedMeanwhile):
        consistency.update(user.uuid, {"name": "李娜"}, consistency=Consistency(Mode.STRICT))
    converge()
    assert held_records(sandbox) == wanted_records()
