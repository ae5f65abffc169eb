"""A look-up that the settings name and that is not answered for a while: what rests on it waits, everything else goes on."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.conftest import converge, held_records, row_of, step, wanted_records
from thirdparty import protect, store
from thirdparty.capture import backfill
from thirdparty.decisions.compensation import CannotCompensate, Deed, compensate
from thirdparty.models import Record, Target
from thirdparty.sandbox.client import SandboxControl
from users.models import User

LONG_SECONDS = 60.0


@pytest.fixture
def user(sandbox: SandboxControl) -> User:
    return User.objects.create(name="张伟", phone="13800000001")


def off() -> list[str]:
    return Target.objects.get(name="partner").capabilities_off


def switched_off(sandbox: SandboxControl, user: User, status: str = "404") -> None:
    """The look-up is missing, as during a deployment, until it is switched off; then it is there again."""
    sandbox.faults(rates={status: 1}, only={"calls": ["query"]})
    deadline = time.monotonic() + 15
    while not off() and time.monotonic() < deadline:
        step(user)
        time.sleep(0.02)
    assert off() == ["query"]


def unanswered_add(sandbox: SandboxControl, partner: Callable[..., None], user: User, **switches: Any) -> None:
    partner(timeout_seconds=0.25, visibility_seconds=0.4)
    sandbox.faults(rates={"apply_then_cut": 1}, **switches)
    step(user)
    partner(timeout_seconds=5.0)
    sandbox.heal()


def test_an_unanswered_add_is_not_sent_again_while_the_look_up_is_off(
    user: User, sandbox: SandboxControl, partner: Callable[..., None]
) -> None:
    unanswered_add(sandbox, partner, user, unique_usernames=False)
    switched_off(sandbox, user)
    sandbox.heal()
    converge()
    assert len(sandbox.users()) == 1
    assert held_records(sandbox) == wanted_records()


def test_after_a_restore_nobody_is_overwritten_or_deleted_while_the_look_up_is_off(sandbox: SandboxControl) -> None:
    sandbox.backup()
    old = [User.objects.create(name=f"Old {n}", phone=f"1390000000{n}") for n in range(4)]
    converge()
    sandbox.restore()
    strangers = [sandbox.create(username=f"stranger{n}", name=f"Stranger {n}", phone=str(n)) for n in range(4)]
    list(backfill.steps("partner"))
    old[0].delete()
    switched_off(sandbox, old[1])
    for key in Record.objects.values_list("key", flat=True):
        step(key)
    sandbox.heal()
    converge()
    there = {record["userId"]: record for record in sandbox.users()}
    assert [there.get(each["userId"]) for each in strangers] == strangers
    ours = {person["externalId"] for person in there.values()} - {""}
    assert ours == {str(person.uuid) for person in User.objects.all()}


def test_a_taken_username_is_not_linked_unseen_while_the_look_up_is_off(
    user: User, sandbox: SandboxControl, partner: Callable[..., None]
) -> None:
    other = User.objects.create(name="Other", phone="2")
    unanswered_add(sandbox, partner, other)
    switched_off(sandbox, other)
    partner(adopt="trust")
    sandbox.create(username=user.username, name="Stranger", phone="9", externalId="somebody else's")
    store.look_now([row_of(user).key])
    step(user)
    row = row_of(user)
    assert (row.remote_id, row.parked, row.failed_tries) == (None, "", 0)


def test_a_record_that_its_target_does_not_know_is_not_added_unseen_while_the_look_up_is_off(
    user: User, sandbox: SandboxControl, partner: Callable[..., None]
) -> None:
    converge()
    partner(visibility_seconds=0.4)
    other = User.objects.create(name="Other", phone="2")
    unanswered_add(sandbox, partner, other, unique_usernames=False)
    Record.objects.filter(key=row_of(user).key).update(remote_id="gone")
    switched_off(sandbox, other)
    User.objects.filter(pk=user.pk).update(name="王芳")
    step(user)
    step(user)
    assert row_of(user).remote_id == "gone"
    sandbox.heal()
    converge()
    assert held_records(sandbox) == wanted_records()


@pytest.mark.parametrize("status", ["404", "405"])
def test_the_record_that_needs_it_waits_says_why_and_spends_no_try_while_others_go_on(
    user: User, sandbox: SandboxControl, partner: Callable[..., None], settings: Any, status: str
) -> None:
    unanswered_add(sandbox, partner, user)
    settings.SYNC_BREAKER_SECONDS = settings.SYNC_BREAKER_MAX_SECONDS = LONG_SECONDS
    switched_off(sandbox, user, status)
    time.sleep(0.2)
    store.look_now([row_of(user).key])
    before, attempts = len(sandbox.ledger()), row_of(user).failed_tries
    step(user)
    row = row_of(user)
    assert len(sandbox.ledger()) == before
    assert (row.parked, row.failed_tries) == ("", attempts)
    assert row.last_error.startswith("look_up_off: ")
    other = User.objects.create(name="Other", phone="2")
    step(other)
    assert row_of(other).state == "synced"
    target = Target.objects.get(name="partner")
    assert (target.breaker, target.paused) == ("closed", False)
    assert protect.summary(target)["capabilities_off"] == ["query"]


def test_it_is_on_again_with_the_first_answer(
    user: User, sandbox: SandboxControl, partner: Callable[..., None]
) -> None:
    unanswered_add(sandbox, partner, user)
    switched_off(sandbox, user)
    sandbox.heal()
    converge()
    target = Target.objects.get(name="partner")
    assert (target.capabilities_off, target.misses) == ([], 0)
    assert protect.summary(target)["capabilities_off"] == []


def test_one_404_switches_nothing_off(user: User, sandbox: SandboxControl, partner: Callable[..., None]) -> None:
    unanswered_add(sandbox, partner, user)
    sandbox.faults(rates={"404": 1}, only={"calls": ["query"], "first": 1})
    converge()
    assert (off(), Target.objects.get(name="partner").misses) == ([], 0)
    assert held_records(sandbox) == wanted_records()


def test_no_persons_word_is_taken_for_the_look_up_that_is_off(
    user: User, sandbox: SandboxControl, partner: Callable[..., None], settings: Any
) -> None:
    other = User.objects.create(name="Other", phone="2")
    unanswered_add(sandbox, partner, other)
    settings.SYNC_BREAKER_SECONDS = settings.SYNC_BREAKER_MAX_SECONDS = LONG_SECONDS
    switched_off(sandbox, other)
    root = User.objects.create_superuser("root")
    row = row_of(user)
    with pytest.raises(CannotCompensate):
        compensate(row.key, Deed.ADOPT, account=root, seen=row.generation, reason="theirs", remote_id="1")
