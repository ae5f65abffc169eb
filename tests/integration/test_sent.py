"""`Record.sent`: what the row knows of the values at the target, whatever told it so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.conftest import converge, row_of, step
from thirdparty import targets
from thirdparty.capture import catch_up
from thirdparty.decide import sent
from thirdparty.models import Record
from thirdparty.sandbox.client import SandboxControl
from thirdparty.settings import settings as engine
from thirdparty.store import manual
from thirdparty.store.manual import RemoteLink
from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)


def known(user: User) -> sent.Hashes | None:
    return sent.read(row_of(user).sent, engine.hash_key())


def hashed(**values: Any) -> sent.Hashes:
    comparable = targets.connector("partner", "users.user").comparable
    payload = {"name": "", "phone": "", "email": "", "role_ids": []} | values
    return sent.hashes(payload, comparable, engine.hash_key())


def test_what_an_add_and_an_update_were_acknowledged_with_is_known(sandbox: SandboxControl) -> None:
    user = User.objects.create(name="Ann", phone="138")
    converge()
    assert known(user) == hashed(name="Ann", phone="138")
    User.objects.filter(pk=user.pk).update(name="Anna")
    converge()
    assert known(user) == hashed(name="Anna", phone="138")


def test_nothing_is_known_of_what_is_not_there(sandbox: SandboxControl) -> None:
    user = User.objects.create(name="Ann", phone="138")
    assert known(user) is None
    converge()
    User.objects.filter(pk=user.pk).update(is_active=False)
    converge()
    assert sandbox.users() == []
    assert row_of(user).sent is None


def test_an_update_that_was_refused_leaves_what_was_known(sandbox: SandboxControl) -> None:
    user = User.objects.create(name="Ann", phone="138")
    converge()
    sandbox.faults(busy=1)
    User.objects.filter(pk=user.pk).update(name="Anna")
    step(user)
    assert known(user) == hashed(name="Ann", phone="138")


def test_a_look_up_after_a_doubt_tells_what_is_there(sandbox: SandboxControl) -> None:
    user = User.objects.create(name="Ann", phone="138")
    converge()
    [record] = sandbox.users()
    sandbox.edit(record["userId"], name="Edited there", phone="1", email="x@y.example")
    targets.begin_backfill("partner")
    catch_up.go_on("partner", seconds=30)
    step(user)  # it looks first
    assert known(user) == hashed(name="Edited there", phone="1", email="x@y.example")
    converge()
    assert known(user) == hashed(name="Ann", phone="138")


def test_what_an_adopted_record_held_is_known_before_it_is_overwritten(
    sandbox: SandboxControl, partner: Callable[..., None]
) -> None:
    partner(adopt="trust")
    sandbox.create(username="ann", name="Of before", phone="1", email="b@b.example")
    user = User.objects.create(username="ann", name="Ann", phone="138")
    step(user)
    assert known(user) == hashed(name="Of before", phone="1", email="b@b.example")


def test_another_secret_makes_it_not_known(sandbox: SandboxControl, settings: Any) -> None:
    user = User.objects.create(name="Ann", phone="138")
    converge()
    settings.SECRET_KEY = "another secret, long enough"
    assert row_of(user).sent is not None
    assert known(user) is None


def test_a_record_linked_to_another_one_by_hand_is_not_known(sandbox: SandboxControl) -> None:
    user = User.objects.create(name="Ann", phone="138")
    converge()
    row = row_of(user)
    same = RemoteLink(row.remote_id, row.natural_key, "", None, look_first=False)
    assert manual.settle(row.key, same, seen=row.generation)
    assert row_of(user).sent == row.sent
    other = RemoteLink("another", row.natural_key, "", None, look_first=True)
    assert manual.settle(row.key, other, seen=row.generation)
    assert row_of(user).sent is None


def test_the_row_holds_nothing_that_was_sent(sandbox: SandboxControl) -> None:
    User.objects.create(name="Margarethe", phone="13800001234")
    converge()
    text = Record.objects.get().sent
    assert text is not None
    assert "Margarethe" not in text
    assert "13800001234" not in text


def test_an_update_that_was_not_answered_leaves_what_was_acknowledged_until_it_is_read_back(
    sandbox: SandboxControl,
) -> None:
    user = User.objects.create(name="Ann", phone="138")
    converge()
    sandbox.faults(apply_then_500=1)
    User.objects.filter(pk=user.pk).update(name="Anna")
    step(user)
    assert known(user) == hashed(name="Ann", phone="138")
    sandbox.heal()
    converge()
    assert known(user) == hashed(name="Anna", phone="138")
