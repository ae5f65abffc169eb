"""Promise 2 and PROTOCOL 7: whose remote record is it?"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests import alone
from tests.integration.conftest import converge, effects, held_records, row_of, step, wanted_records
from thirdparty import store
from thirdparty.decide.plan import Call
from thirdparty.decide.result import Outcome, StepResult
from thirdparty.models import Record
from thirdparty.sandbox.client import SandboxControl
from users.models import User

USERNAME = "zhangwei13800000001"
PHONE = "13800000001"


@pytest.fixture
def user(sandbox: SandboxControl) -> User:
    return User.objects.create(name="张伟", phone=PHONE)


def test_a_record_with_our_external_id_is_ours(user: User, sandbox: SandboxControl) -> None:
    sandbox.create(username=USERNAME, name="old", externalId=str(user.uuid))
    converge()
    assert held_records(sandbox) == wanted_records()
    assert row_of(user).adopted == ""


def test_match_adopts_a_record_without_external_id_and_with_our_phone(user: User, sandbox: SandboxControl) -> None:
    found = sandbox.create(username=USERNAME, name="old", phone=PHONE)
    converge()
    assert held_records(sandbox) == wanted_records()
    assert (row_of(user).remote_id, row_of(user).adopted) == (found["userId"], "match")


@pytest.mark.parametrize(
    "record",
    [{"phone": "999"}, {"phone": ""}, {"phone": PHONE, "externalId": "somebody"}],
    ids=["another phone", "no phone", "somebody's external id"],
)
def test_match_parks_what_may_be_somebody_elses(user: User, sandbox: SandboxControl, record: dict[str, str]) -> None:
    sandbox.create(username=USERNAME, name="old", **record)
    converge()
    row = row_of(user)
    assert (row.state, row.parked, row.remote_id) == ("parked", "identity_conflict", None)
    assert sandbox.users()[0]["name"] == "old"


def test_never_adopts_nothing(user: User, sandbox: SandboxControl, partner: Callable[..., None]) -> None:
    partner(adopt="never")
    sandbox.create(username=USERNAME, name="old", phone=PHONE)
    converge()
    assert row_of(user).parked == "identity_conflict"


@pytest.mark.parametrize("capabilities", [("query",), ()], ids=["with query", "without query"])
def test_trust_adopts_anything(
    user: User, sandbox: SandboxControl, partner: Callable[..., None], capabilities: tuple[str, ...]
) -> None:
    partner(adopt="trust", capabilities=capabilities)
    sandbox.create(username=USERNAME, name="old", externalId="somebody")
    converge()
    assert row_of(user).adopted == "trust"
    assert held_records(sandbox) == wanted_records()


@pytest.mark.parametrize("times", [1, 2])
def test_a_record_adopted_on_trust_is_unlinked_and_not_deleted(
    user: User, sandbox: SandboxControl, partner: Callable[..., None], times: int
) -> None:
    partner(adopt="trust")
    sandbox.create(username=USERNAME, name="old")
    for _ in range(times):
        User.objects.update(is_active=True)
        converge()
        User.objects.update(is_active=False)
        converge()
    assert len(sandbox.users()) == 1
    assert "deleted" not in effects(sandbox)
    assert row_of(user).remote_id is None


def test_an_edit_while_unlinked_does_not_make_a_record_taken_on_trust_ours(
    user: User, sandbox: SandboxControl, partner: Callable[..., None]
) -> None:
    partner(adopt="trust")
    sandbox.create(username=USERNAME, name="old")
    converge()
    for change in ({"is_active": False}, {"name": "New"}, {"is_active": True}, {"is_active": False}):
        User.objects.update(**change)
        converge()
    assert len(sandbox.users()) == 1
    assert "deleted" not in effects(sandbox)


def test_without_query_only_trust_adopts(user: User, sandbox: SandboxControl, partner: Callable[..., None]) -> None:
    partner(capabilities=())
    sandbox.create(username=USERNAME, name="old", phone=PHONE)
    converge()
    assert row_of(user).parked == "identity_conflict"


@pytest.mark.parametrize("shown", [True, False], ids=["the target showed whose it is", "nothing shows whose it is"])
def test_two_rows_never_share_a_remote_record(user: User, sandbox: SandboxControl, *, shown: bool) -> None:
    converge()
    taken = row_of(user).remote_id
    other = User.objects.create(name="Other", phone="2")
    lease = alone.claim(row_of(other).key)
    assert lease is not None
    attempt_id = alone.open_attempt(lease, Call.ADD).id
    result = StepResult(outcome=Outcome.OK, remote_id=taken, adopted="", add_key=None, acknowledged=True, shown=shown)
    alone.settle(lease, attempt_id, result)
    has, has_not = (other, user) if shown else (user, other)
    assert (row_of(has).remote_id, row_of(has_not).remote_id) == (taken, None)
    assert row_of(user).look_first
    assert {row_of(user).state, row_of(other).state} == {"pending"}


def test_a_record_with_our_external_id_in_capitals_without_dashes_or_in_braces_is_ours(
    user: User, sandbox: SandboxControl
) -> None:
    for written in (str(user.uuid).upper(), user.uuid.hex, f"{{{user.uuid}}}"):
        sandbox.reset()
        sandbox.create(username=USERNAME, name="old", externalId=written)
        Record.objects.update(remote_id=None)
        User.objects.update(name=f"{written}")
        converge()
        assert (row_of(user).state, row_of(user).adopted) == ("synced", "")
        assert [record["name"] for record in sandbox.users()] == [written]


@pytest.mark.parametrize("adopt", ["match", "never"])
def test_a_strangers_record_without_external_id_is_not_ours_after_an_add_that_never_arrived(
    user: User, sandbox: SandboxControl, partner: Callable[..., None], adopt: str
) -> None:
    partner(adopt=adopt, timeout_seconds=0.25, visibility_seconds=0.3)
    stranger = sandbox.create(username=USERNAME, name="Stranger", phone="999")
    sandbox.faults(rates={"hang": 1})
    step(user)
    sandbox.heal()
    converge()
    assert (row_of(user).parked, row_of(user).remote_id) == ("identity_conflict", None)
    assert row_of(user).unknown_until is None
    user.delete()
    converge()
    assert sandbox.users() == [stranger]


def test_a_strangers_record_is_left_alone_while_our_unanswered_add_may_still_arrive(
    user: User, sandbox: SandboxControl, partner: Callable[..., None]
) -> None:
    partner(timeout_seconds=0.25, visibility_seconds=0.5)
    stranger = sandbox.create(username=USERNAME, name="Stranger", phone=PHONE)
    sandbox.faults(rates={"late_apply": 1}, late_seconds=0.4, unique_usernames=False)
    step(user)
    sandbox.heal()
    converge()
    assert row_of(user).state == "synced"
    ours = [record for record in sandbox.users() if record["externalId"]]
    assert [record["externalId"] for record in ours] == [str(user.uuid)]
    assert stranger in sandbox.users()


def test_without_query_never_parks_what_an_unanswered_add_may_have_made(
    user: User, sandbox: SandboxControl, partner: Callable[..., None]
) -> None:
    partner(adopt="never", capabilities=(), timeout_seconds=0.25, visibility_seconds=0.3)
    sandbox.faults(rates={"apply_then_cut": 1}, capabilities=[])
    step(user)
    sandbox.heal()
    converge()
    assert row_of(user).parked == "identity_conflict"
    assert effects(sandbox) == ["created"]


def test_a_username_used_again_waits_for_the_old_delete(user: User, sandbox: SandboxControl) -> None:
    converge()
    old_key = row_of(user).key
    user.delete()
    again = User.objects.create(name="张伟", phone=PHONE)
    assert again.username == USERNAME
    assert step(again) is None
    step(old_key)
    converge()
    assert held_records(sandbox) == wanted_records()
    assert effects(sandbox) == ["created", "deleted", "created"]


def test_a_username_used_again_waits_while_a_late_create_may_land(
    user: User, sandbox: SandboxControl, partner: Callable[..., None]
) -> None:
    partner(timeout_seconds=0.25, visibility_seconds=0.4)
    sandbox.faults(rates={"late_apply": 1}, late_seconds=0.4, unique_usernames=False)
    step(user)
    sandbox.heal()
    user.delete()
    again = User.objects.create(name="张伟", phone=PHONE)
    assert step(again) is None
    converge()
    assert held_records(sandbox) == wanted_records()
    assert Record.objects.get(deleted=True).state == "deleted"


def test_a_tombstone_with_nothing_at_the_target_waits_for_no_username(user: User, sandbox: SandboxControl) -> None:
    user.delete()
    again = User.objects.create(name="张伟", phone=PHONE)
    step(again)
    converge()
    assert held_records(sandbox) == wanted_records()
    assert Record.objects.get(deleted=True).state == "deleted"


def test_a_confirmed_tombstone_that_is_deleted_again_waits_for_no_username(
    user: User, sandbox: SandboxControl
) -> None:
    converge()
    uuid = user.uuid
    user.delete()
    converge()
    again = User.objects.create(name="张伟", phone=PHONE)
    converge()
    User.objects.create(uuid=uuid, name="Back", username="back").delete()
    converge()
    assert held_records(sandbox) == wanted_records()
    assert row_of(again).state == "synced"


def test_two_people_of_one_remote_username_are_never_claimed_together(user: User, sandbox: SandboxControl) -> None:
    converge()
    User.objects.update(username="moved")
    thief = User.objects.create(name="Thief", username=USERNAME)
    assert step(thief) is None
    holder = store.key_holder(row_of(thief))
    assert holder is not None
    assert holder.object_id == user.uuid.hex


def test_a_strangers_record_is_left_alone_when_our_unanswered_add_is_no_longer_wanted(
    user: User, sandbox: SandboxControl, partner: Callable[..., None]
) -> None:
    partner(timeout_seconds=0.25, visibility_seconds=0.3)
    sandbox.create(username=USERNAME, name="Stranger", externalId="somebody")
    sandbox.faults(rates={"hang": 1})
    step(user)
    sandbox.heal()
    user.delete()
    converge()
    assert Record.objects.get().state == "deleted"
    assert [record["name"] for record in sandbox.users()] == ["Stranger"]
