"""Usernames stay unique however users come into being."""

from __future__ import annotations

import pytest
from django.db import IntegrityError

from tests.integration.conftest import at_once
from users.models import User

pytestmark = pytest.mark.django_db


def test_people_of_one_name_and_phone_get_usernames_of_their_own() -> None:
    made = [User.objects.create(name="张伟", phone="138").username for _ in range(3)]
    assert made == ["zhangwei138", "zhangwei138x2", "zhangwei138x3"]


def test_a_bulk_of_one_name_and_phone_gets_usernames_of_their_own() -> None:
    User.objects.create(name="张伟", phone="138")
    made = User.objects.bulk_create([User(name="张伟", phone="138"), User(name="张伟", phone="138")])
    assert [user.username for user in made] == ["zhangwei138x2", "zhangwei138x3"]


def test_a_given_username_is_kept_and_a_taken_one_refused() -> None:
    User.objects.create(name="One", username="one")
    with pytest.raises(IntegrityError):
        User.objects.create(name="Two", username="one")


@pytest.mark.django_db(transaction=True)
def test_saves_that_race_for_one_username_all_succeed() -> None:
    at_once(*[lambda: User.objects.create(name="张伟", phone="138")] * 6)
    assert User.objects.values("username").distinct().count() == 6
