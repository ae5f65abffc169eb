"""Decisions by hand are steps like others: they hold for what the person saw, forget no doubt, and leave nothing behind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group

from tests.integration.conftest import converge, effects, held_records, row_of, step, wanted_records
from thirdparty import store
from thirdparty.connectors.base import RemoteRecord
from thirdparty.decisions.compensation import CannotCompensate, Deed, compensate, offered
from thirdparty.decisions.look_now import look_now
from thirdparty.declaration import accepting
from thirdparty.models import Record, Target
from thirdparty.observe import inquiry
from thirdparty.sandbox.client import SandboxControl
from thirdparty.store import manual
from thirdparty.store.manual import RemoteLink
from users import services
from users.models import RoleMapping, User


@pytest.fixture
def operator(db: None) -> User:
    return User.objects.create_superuser("root")


@pytest.fixture
def decide(operator: User) -> Callable[..., None]:
    def decide(user: User, deed: Deed, **options: Any) -> None:
        row = row_of(user)
        compensate(row.key, deed, account=operator, reason="why", **({"seen": row.generation} | options))

    return decide


@pytest.fixture
def synced(sandbox: SandboxControl) -> User:
    user = User.objects.create(name="张伟", phone="13800000001")
    converge()
    return user


@pytest.fixture
def doubtful(synced: User, sandbox: SandboxControl) -> User:
    """Their last update was not answered, and takes effect only later."""
    sandbox.faults(apply_then_500=True)
    User.objects.filter(pk=synced.pk).update(name="李娜")
    step(synced)
    sandbox.faults()
    assert row_of(synced).state == "unknown"
    return synced


@pytest.fixture
def half_added(sandbox: SandboxControl, partner: Callable[..., None]) -> User:
    """Their add was not answered; nothing of it is at the target, and it may land for an hour."""
    partner(visibility_seconds=3600.0)
    sandbox.faults(apply_then_500=True)
    user = User.objects.create(name="张伟", phone="13800000001")
    step(user)
    sandbox.faults()
    sandbox.delete(sandbox.users()[0]["userId"])
    row = row_of(user)
    assert (row.state, row.remote_id) == ("unknown", None)
    assert row.add_key
    return user


def parked(user: User, **facts: Any) -> Record:
    Record.objects.filter(object_id=user.uuid.hex).update(parked="invalid", due_at=None, **facts)
    return row_of(user)


# -- what the person saw ----------------------------------------------------------------------


@pytest.mark.parametrize("deed", list(Deed))
def test_a_decision_holds_only_for_the_generation_that_was_seen(
    synced: User, sandbox: SandboxControl, decide: Any, deed: Deed
) -> None:
    row = parked(synced)
    User.objects.filter(pk=synced.pk).update(name="李娜")
    before = Record.objects.values().get()
    with pytest.raises(CannotCompensate, match="has changed since you looked"):
        decide(synced, deed, seen=row.generation, remote_id=row.remote_id)
    assert Record.objects.values().get() == before


@pytest.mark.parametrize("deed", [Deed.ACCEPT, Deed.ADOPT])
def test_an_edit_made_while_the_target_is_asked_is_not_overwritten(
    synced: User, sandbox: SandboxControl, decide: Any, monkeypatch: pytest.MonkeyPatch, deed: Deed
) -> None:
    remote_id = parked(synced).remote_id
    ask = inquiry.held

    def slowly(*arguments: Any, **options: Any) -> RemoteRecord | None:
        found = ask(*arguments, **options)
        services.update_user(synced.uuid, name="李娜", phone="13911110066")
        return found

    monkeypatch.setattr(inquiry, "held", slowly)
    with pytest.raises(CannotCompensate, match="has changed meanwhile"):
        decide(synced, deed, remote_id=remote_id)
    converge()
    assert User.objects.get(pk=synced.pk).name == "李娜"
    assert held_records(sandbox) == wanted_records()


@pytest.mark.parametrize("deed", ["retry", "overwrite", "adopt", "settle"])
def test_no_statement_touches_a_row_that_a_worker_holds_or_that_moved_on(synced: User, deed: str) -> None:
    link = RemoteLink("r9", "x", "", None, look_first=False)
    do = getattr(manual, deed)
    arguments = [link] if deed in ("adopt", "settle") else []
    row = parked(synced)
    assert not do(row.key, *arguments, seen=row.generation - 1)
    Record.objects.update(lease_token="held")
    assert not do(row.key, *arguments, seen=row.generation)
    Record.objects.update(lease_token=None)
    assert do(row.key, *arguments, seen=row.generation)


def test_where_an_application_does_not_say_how_nothing_is_taken_over_nor_offered(
    synced: User, decide: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(accepting._accepting, "users.user")
    before = Record.objects.values().get(key=parked(synced).key)
    with pytest.raises(CannotCompensate, match=r"of the kind users\.user cannot be written here"):
        decide(synced, Deed.ACCEPT)
    assert Record.objects.values().get() == before
    assert offered("users.user") == [Deed.RETRY, Deed.OVERWRITE, Deed.ADOPT, Deed.SETTLE]


# -- an open doubt ----------------------------------------------------------------------------


def test_a_record_that_is_settled_while_a_request_is_unanswered_is_read_back(
    doubtful: User, sandbox: SandboxControl, decide: Any
) -> None:
    window = row_of(doubtful).unknown_until
    decide(doubtful, Deed.SETTLE)
    row = row_of(doubtful)
    assert (row.state, row.unknown_until, row.due_at) == ("unknown", window, window)
    sandbox.edit(sandbox.users()[0]["userId"], name="what the request left, late")
    converge()
    assert row_of(doubtful).state == "synced"
    assert held_records(sandbox) == wanted_records()


@pytest.mark.parametrize("deed", [Deed.RETRY, Deed.OVERWRITE, Deed.ADOPT, Deed.ACCEPT])
def test_no_deed_forgets_an_open_doubt(doubtful: User, sandbox: SandboxControl, decide: Any, deed: Deed) -> None:
    row = row_of(doubtful)
    decide(doubtful, deed, remote_id=row.remote_id if deed is Deed.ADOPT else "")
    assert row_of(doubtful).unknown_until == row.unknown_until


@pytest.mark.parametrize("deed", [Deed.RETRY, Deed.OVERWRITE])
def test_an_unanswered_add_keeps_its_key(half_added: User, decide: Any, deed: Deed) -> None:
    key = row_of(half_added).add_key
    decide(half_added, deed)
    assert row_of(half_added).add_key == key


@pytest.mark.parametrize("deed", [Deed.ADOPT, Deed.SETTLE])
def test_no_other_record_is_linked_while_an_add_may_still_land(
    half_added: User, sandbox: SandboxControl, decide: Any, deed: Deed
) -> None:
    other = sandbox.create(username="other", name="张伟")["userId"]
    before = Record.objects.values().get()
    with pytest.raises(CannotCompensate, match="unanswered add may still take effect until"):
        decide(half_added, deed, remote_id=other)
    assert Record.objects.values().get() == before


@pytest.mark.parametrize("deed", [Deed.ADOPT, Deed.ACCEPT, Deed.SETTLE])
def test_what_the_unanswered_add_made_can_be_linked_at_once(
    half_added: User, sandbox: SandboxControl, decide: Any, deed: Deed
) -> None:
    made = sandbox.create(
        username=half_added.username, name="张伟", phone="13800000001", externalId=str(half_added.uuid).upper()
    )["userId"]
    window = row_of(half_added).unknown_until
    decide(half_added, deed, remote_id=made if deed is Deed.ADOPT else "")
    row = row_of(half_added)
    assert (row.remote_id, row.add_key, row.unknown_until) == (made, None, window)


# -- nothing is left behind -------------------------------------------------------------------


def test_nothing_is_settled_without_a_record_that_can_be_deleted_later(
    sandbox: SandboxControl, decide: Any, partner: Callable[..., None]
) -> None:
    user = User.objects.create(name="张伟", phone="13800000001")
    parked(user)
    with pytest.raises(CannotCompensate, match="holds no record of this object"):
        decide(user, Deed.SETTLE)
    sandbox.create(username="zhangwei13800000001", name="张伟")
    Record.objects.update(natural_key="zhangwei13800000001")
    with pytest.raises(CannotCompensate, match=r"Record .* has this natural key, but not this object's id"):
        decide(user, Deed.SETTLE)
    partner(capabilities=())
    with pytest.raises(CannotCompensate, match="Nobody could delete it later"):
        decide(user, Deed.SETTLE)
    assert row_of(user).parked == "invalid"


def test_a_link_is_settled_only_while_the_target_holds_that_record(
    synced: User, sandbox: SandboxControl, decide: Any
) -> None:
    User.objects.filter(pk=synced.pk).update(name="李娜")
    remote_id = row_of(synced).remote_id
    decide(synced, Deed.SETTLE)
    assert (row_of(synced).state, row_of(synced).remote_id) == ("synced", remote_id)
    User.objects.filter(pk=synced.pk).update(name="王芳")
    sandbox.delete(remote_id)
    with pytest.raises(CannotCompensate, match="holds no record of this object"):
        decide(synced, Deed.SETTLE)
    assert row_of(synced).state == "pending"


def test_a_link_to_what_has_become_somebody_elses_is_not_settled(
    synced: User, sandbox: SandboxControl, decide: Any
) -> None:
    User.objects.filter(pk=synced.pk).update(name="李娜")
    sandbox.edit(row_of(synced).remote_id, externalId="somebody else")
    with pytest.raises(CannotCompensate, match="not this object's id"):
        decide(synced, Deed.SETTLE)
    assert row_of(synced).state == "pending"


def test_a_link_is_settled_by_word_where_the_target_cannot_be_queried(
    synced: User, sandbox: SandboxControl, decide: Any, partner: Callable[..., None]
) -> None:
    User.objects.filter(pk=synced.pk).update(name="李娜")
    remote_id = row_of(synced).remote_id
    partner(capabilities=())
    decide(synced, Deed.SETTLE)
    assert (row_of(synced).state, row_of(synced).remote_id) == ("synced", remote_id)


@pytest.mark.parametrize("capabilities", [("query",), ()])
def test_whoever_was_settled_with_an_id_is_deleted_when_they_go(
    sandbox: SandboxControl, decide: Any, partner: Callable[..., None], capabilities: tuple[str, ...]
) -> None:
    user = User.objects.create(name="张伟", phone="13800000001")
    parked(user)
    made = sandbox.create(username="zhangwei", name="张伟")["userId"]
    partner(capabilities=capabilities)
    decide(user, Deed.SETTLE, remote_id=made)
    assert (row_of(user).state, row_of(user).remote_id) == ("synced", made)
    partner(capabilities=("query",))
    sandbox.edit(made, externalId=str(user.uuid))
    user.delete()
    converge()
    assert sandbox.users() == []


def test_a_settled_record_that_carries_our_id_is_linked_by_itself(sandbox: SandboxControl, decide: Any) -> None:
    user = User.objects.create(name="张伟", phone="13800000001")
    parked(user)
    made = sandbox.create(username="zhangwei", name="张伟", externalId=str(user.uuid))["userId"]
    decide(user, Deed.SETTLE)
    assert (row_of(user).state, row_of(user).remote_id) == ("synced", made)


def test_a_deletion_is_settled_only_once_the_record_is_gone(
    synced: User, sandbox: SandboxControl, decide: Any
) -> None:
    synced.delete()
    row = row_of(synced)
    parked(synced)
    with pytest.raises(CannotCompensate, match=f"still holds record {row.remote_id}"):
        decide(synced, Deed.SETTLE)
    sandbox.delete(sandbox.users()[0]["userId"])
    decide(synced, Deed.SETTLE)
    row = row_of(synced)
    assert (row.state, row.remote_id, row.may_exist) == ("deleted", None, False)


def test_a_second_record_of_one_user_is_not_adopted(synced: User, sandbox: SandboxControl, decide: Any) -> None:
    first = parked(synced).remote_id
    second = sandbox.create(username="second", name="张伟")["userId"]
    with pytest.raises(CannotCompensate, match=f"Record {first} at the target is this object's already"):
        decide(synced, Deed.ADOPT, remote_id=second)


# -- groups -----------------------------------------------------------------------------------


@pytest.fixture
def grouped(synced: User) -> User:
    """Sales and Support are both role 7, Board is 8; they are in Support, and in Guests, which is no role there."""
    for name, role in (("Sales", "7"), ("Support", "7"), ("Board", "8"), ("Guests", "")):
        group = Group.objects.create(name=name)
        if role:
            RoleMapping.objects.create(group=group, target="partner", remote_role_id=role)
    synced.groups.set(Group.objects.filter(name__in=["Support", "Guests"]))
    parked(synced)
    return synced


@pytest.mark.parametrize(
    ("reported", "groups"),
    [(["7"], ["Guests", "Support"]), (["7", "8"], ["Board", "Guests", "Support"]), (["8"], ["Board", "Guests"]),
     ([], ["Guests"])],
)  # fmt: skip
def test_accepting_changes_only_the_groups_in_which_the_target_differs(
    grouped: User, sandbox: SandboxControl, decide: Any, reported: list[str], groups: list[str]
) -> None:
    sandbox.edit(sandbox.users()[0]["userId"], roleIds=reported)
    decide(grouped, Deed.ACCEPT)
    assert sorted(group.name for group in grouped.groups.all()) == groups


def test_a_role_that_may_be_several_groups_is_refused_with_their_names(
    grouped: User, sandbox: SandboxControl, decide: Any
) -> None:
    grouped.groups.clear()
    parked(grouped)
    sandbox.edit(sandbox.users()[0]["userId"], roleIds=["7"], name="李娜")
    with pytest.raises(CannotCompensate, match="role 7 may be any of the groups Sales, Support"):
        decide(grouped, Deed.ACCEPT)
    assert User.objects.get(pk=grouped.pk).name == "张伟"


# -- the guard --------------------------------------------------------------------------------


@pytest.mark.parametrize("deed", [Deed.ACCEPT, Deed.ADOPT])
def test_a_decision_asks_no_target_that_gets_nothing(
    synced: User, sandbox: SandboxControl, decide: Any, deed: Deed
) -> None:
    row = parked(synced)
    Target.objects.update(paused=True)
    before = len(sandbox.ledger())
    with pytest.raises(CannotCompensate, match="was not asked what it holds: paused"):
        decide(synced, deed, remote_id=row.remote_id)
    assert len(sandbox.ledger()) == before


def test_an_operator_is_never_overwritten_by_what_a_target_holds(
    synced: User, sandbox: SandboxControl, decide: Any
) -> None:
    User.objects.filter(pk=synced.pk).update(is_superuser=True)
    parked(synced)
    sandbox.edit(sandbox.users()[0]["userId"], name="李娜")
    with pytest.raises(CannotCompensate, match="whom no target knows"):
        decide(synced, Deed.ACCEPT)
    assert User.objects.get(pk=synced.pk).name == "张伟"


def test_an_overwritten_record_is_read_back_once_the_window_is_over(
    doubtful: User, sandbox: SandboxControl, decide: Any
) -> None:
    decide(doubtful, Deed.OVERWRITE)
    converge()
    assert row_of(doubtful).unknown_until is None
    assert held_records(sandbox) == wanted_records()
    assert effects(sandbox)[0] == "created"


# -- whose record it is by now ----------------------------------------------------------------


@pytest.fixture
def usurped(synced: User, sandbox: SandboxControl) -> dict[str, Any]:
    """Their record is gone, its id was given to somebody of the partner's own, and ours is parked since before that."""
    parked(synced)
    sandbox.faults(capabilities=["query"], reuse_ids=True)
    remote_id = row_of(synced).remote_id
    sandbox.delete(str(remote_id))
    stranger: dict[str, Any] = sandbox.create(username="stranger", name="Stranger")
    assert stranger["userId"] == remote_id
    return stranger


@pytest.mark.parametrize("deed", [Deed.RETRY, Deed.OVERWRITE])
def test_what_a_person_has_pushed_again_spares_whoever_has_the_id_now(
    synced: User, usurped: dict[str, Any], sandbox: SandboxControl, decide: Any, deed: Deed
) -> None:
    decide(synced, deed)
    converge()
    assert usurped in sandbox.users()
    assert row_of(synced).state == "synced"
    assert row_of(synced).remote_id != usurped["userId"]


def test_looking_again_spares_whoever_has_the_id_now(
    synced: User, usurped: dict[str, Any], sandbox: SandboxControl
) -> None:
    look_now(Record.objects.all())
    converge()
    assert usurped in sandbox.users()
    assert row_of(synced).state == "synced"


def test_a_link_that_is_settled_unasked_is_read_back_before_the_next_write(
    synced: User, usurped: dict[str, Any], sandbox: SandboxControl, decide: Any, partner: Callable[..., None]
) -> None:
    partner(capabilities=())
    decide(synced, Deed.SETTLE)
    partner(capabilities=("query",))
    User.objects.filter(pk=synced.pk).update(name="李娜")
    converge()
    assert usurped in sandbox.users()
    assert row_of(synced).state == "synced"


def test_what_is_under_our_id_without_our_external_id_is_not_accepted(
    synced: User, usurped: dict[str, Any], sandbox: SandboxControl, decide: Any
) -> None:
    with pytest.raises(CannotCompensate, match="holds no such record"):
        decide(synced, Deed.ACCEPT)
    assert usurped in sandbox.users()
    assert User.objects.get(pk=synced.pk).name == "张伟"


def test_a_record_that_the_target_was_asked_about_is_written_to_at_once(
    synced: User, sandbox: SandboxControl, decide: Any
) -> None:
    row = parked(synced, look_first=True)
    sandbox.edit(str(row.remote_id), name="theirs")
    decide(synced, Deed.ADOPT, remote_id=row.remote_id)
    step(synced)
    assert (row_of(synced).state, row_of(synced).adopted) == ("synced", "")
    assert held_records(sandbox) == wanted_records()


def test_a_decision_does_not_clear_a_question_that_came_up_meanwhile(
    synced: User, decide: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    remote_id = parked(synced).remote_id
    ask = inquiry.held

    def slowly(*arguments: Any, **options: Any) -> RemoteRecord | None:
        found = ask(*arguments, **options)
        store.owe_again([row_of(synced).key], store.Why(backfill=True))
        return found

    monkeypatch.setattr(inquiry, "held", slowly)
    with pytest.raises(CannotCompensate, match="has changed meanwhile"):
        decide(synced, Deed.ADOPT, remote_id=remote_id)


def test_a_deletion_that_is_settled_unanswered_is_sent_once_more(
    synced: User, sandbox: SandboxControl, decide: Any, partner: Callable[..., None]
) -> None:
    partner(capabilities=())
    sandbox.faults(**{"500": True})
    synced.delete()
    step(row_of(synced).key)
    sandbox.faults()
    assert row_of(synced).state == "unknown"
    decide(synced, Deed.SETTLE)
    converge()
    assert sandbox.users() == []
    assert row_of(synced).state == "deleted"


def test_what_a_repeated_add_has_made_after_a_deletion_was_settled_is_owed_to_be_deleted(
    half_added: User, sandbox: SandboxControl, decide: Any, partner: Callable[..., None]
) -> None:
    key = row_of(half_added).key
    half_added.delete()
    Record.objects.update(unknown_until=None)
    partner(capabilities=())
    decide(half_added, Deed.SETTLE)
    assert row_of(half_added).state == "deleted"
    step(key)
    [made] = sandbox.users()
    row = row_of(half_added)
    assert (row.state, row.remote_id, row.owed_since is not None) == ("pending", made["userId"], True)
    converge()
    assert sandbox.users() == []
    assert row_of(half_added).state == "deleted"
