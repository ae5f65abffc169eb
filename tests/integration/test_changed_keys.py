"""A natural key that changes, kept or replaced, judged by what the third party holds and did."""

from __future__ import annotations

import pytest

from tests.integration.conftest import converge, effects, held_records, step, wanted_records
from thirdparty.declaration import KeyChanges
from thirdparty.sandbox.client import SandboxControl
from users.models import User
from users.synced import Person

pytestmark = pytest.mark.django_db(transaction=True)
UNANSWERED = pytest.mark.parametrize("fault", ["apply_then_cut", "apply_then_500", "cut", "503"])


@pytest.fixture
def replaced(sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch) -> User:
    monkeypatch.setattr(Person, "key_changes", KeyChanges.REPLACED)
    return level()


@pytest.fixture
def kept(sandbox: SandboxControl) -> User:
    return level()


def level() -> User:
    made: User = User.objects.create(username="old", name="Ada", phone="1")
    converge()
    return made


def rename(user: User, username: str = "new") -> None:
    User.objects.filter(pk=user.pk).update(username=username)


def test_it_is_deleted_and_added_under_the_new_one(sandbox: SandboxControl, replaced: User) -> None:
    rename(replaced)
    converge()
    assert held_records(sandbox) == wanted_records()
    assert effects(sandbox) == ["created", "deleted", "created"]


@UNANSWERED
@pytest.mark.parametrize("call", ["delete", "add"])
def test_neither_call_is_lost_nor_doubled_when_its_answer_is(
    sandbox: SandboxControl, replaced: User, call: str, fault: str
) -> None:
    rename(replaced)
    sandbox.faults(rates={fault: 1}, only={"calls": [call]})
    for _ in range(4):
        step(replaced)
    sandbox.heal()
    converge()
    assert held_records(sandbox) == wanted_records()
    assert [effect for effect in effects(sandbox) if effect != "updated"] == ["created", "deleted", "created"]


def test_two_who_take_each_others_are_replaced_both(sandbox: SandboxControl, replaced: User) -> None:
    other = User.objects.create(username="other", name="Bob", phone="2")
    converge()
    for each, username in ((replaced, "between"), (other, "old"), (replaced, "other")):
        rename(each, username)
    converge()
    assert held_records(sandbox) == wanted_records()
    assert sorted(effects(sandbox)) == ["created"] * 4 + ["deleted"] * 2


def test_where_it_is_kept_the_record_is_updated_and_has_the_old_one(sandbox: SandboxControl, kept: User) -> None:
    rename(kept)
    User.objects.filter(pk=kept.pk).update(name="Eva")
    converge()
    assert [(held["username"], held["name"]) for held in held_records(sandbox)] == [("old", "Eva")]
    assert set(effects(sandbox)) == {"created", "updated"}
    assert effects(sandbox).count("created") == 1


@UNANSWERED
def test_where_it_is_kept_an_update_that_was_not_answered_gives_it_no_other(
    sandbox: SandboxControl, kept: User, fault: str
) -> None:
    rename(kept)
    sandbox.faults(rates={fault: 1})
    step(kept)
    sandbox.heal()
    converge()
    assert [held["username"] for held in held_records(sandbox)] == ["old"]
    assert effects(sandbox).count("created") == 1


def test_where_it_is_kept_whoever_takes_the_old_one_waits_for_it(sandbox: SandboxControl, kept: User) -> None:
    rename(kept)
    newcomer = User.objects.create(username="old", name="Bob", phone="2")
    converge_but(newcomer)
    assert [held["externalId"] for held in held_records(sandbox)] == [str(kept.uuid)]
    kept.delete()
    converge()
    assert held_records(sandbox) == wanted_records()


def converge_but(waiting: User) -> None:
    """Whoever waits for a natural key stays due."""
    for user in User.objects.exclude(pk=waiting.pk):
        while step(user):
            pass
    assert step(waiting) is None
