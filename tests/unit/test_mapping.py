"""What a target is to hold for a user."""

import pytest

from thirdparty.connectors.base import fields_of
from thirdparty.decide.mapping import Unmappable, wanted
from users.models import User


def person(**fields: object) -> User:
    return User(**{"name": "张伟", "phone": "1", "username": "local", **fields})


def test_a_user_is_held_under_the_username_the_target_knows() -> None:
    user = person()
    remote = wanted(user, natural_key="frozen", roles={})
    assert remote is not None
    assert (remote.key, remote.external_id) == ("frozen", str(user.uuid))
    assert remote.payload == {"name": "张伟", "phone": "1", "email": "", "role_ids": []}


@pytest.mark.parametrize("user", [None, person(is_active=False), person(is_superuser=True)])
def test_nobody_is_wanted_for_a_user_gone_inactive_or_an_operator(user: User | None) -> None:
    assert wanted(user, natural_key="x", roles={}) is None


def test_roles_are_the_mapped_ids_in_ascending_order() -> None:
    remote = wanted(person(), natural_key="x", roles={"b": "9", "a": "10"})
    assert remote is not None
    assert fields_of(remote.payload)["role_ids"] == ["10", "9"]


def test_a_group_without_a_role_is_refused_by_name() -> None:
    with pytest.raises(Unmappable, match="'staff'"):
        wanted(person(), natural_key="x", roles={"staff": None, "a": "1"})


def test_an_inactive_user_needs_no_mapped_roles() -> None:
    assert wanted(person(is_active=False), natural_key="x", roles={"staff": None}) is None
