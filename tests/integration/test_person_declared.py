"""What a target is to hold of a person."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group

from thirdparty.connectors.base import fields_of
from thirdparty.declaration import Unmappable
from thirdparty.run.payloads import read_wanted
from users.models import RoleMapping, User
from users.synced import person

pytestmark = pytest.mark.django_db


def somebody(**fields: object) -> User:
    return User.objects.create(**{"name": "张伟", "phone": "1", "username": "local", **fields})


def in_group(user: User, name: str, **role_ids: str) -> None:
    group = Group.objects.create(name=name)
    user.groups.add(group)
    RoleMapping.objects.bulk_create(
        [RoleMapping(group=group, target=target, remote_role_id=role_id) for target, role_id in role_ids.items()]
    )


def test_a_person_is_held_under_the_username_that_the_target_knows() -> None:
    user = somebody()
    remote = read_wanted(person(user.uuid), "partner", "frozen")
    assert remote is not None
    assert (remote.key, remote.external_id) == ("frozen", str(user.uuid))
    assert remote.payload == {"name": "张伟", "phone": "1", "email": "", "role_ids": []}


def test_a_person_whom_the_target_does_not_know_yet_is_held_under_the_username_here() -> None:
    remote = read_wanted(person(somebody().uuid), "partner", "")
    assert remote is not None
    assert remote.key == "local"


@pytest.mark.parametrize("fields", [{"is_active": False}, {"is_superuser": True}])
def test_nobody_is_wanted_for_a_person_who_is_inactive_or_an_operator(fields: dict[str, bool]) -> None:
    assert read_wanted(person(somebody(**fields).uuid), "partner", "x") is None


def test_nobody_is_wanted_for_a_person_who_is_gone() -> None:
    ref = person(somebody().uuid)
    User.objects.all().delete()
    assert read_wanted(ref, "partner", "x") is None


def test_roles_are_the_ids_mapped_at_this_target_in_ascending_order() -> None:
    user = somebody()
    in_group(user, "b", partner="9", saas="1")
    in_group(user, "a", partner="10")
    remote = read_wanted(person(user.uuid), "partner", "x")
    assert remote is not None
    assert fields_of(remote.payload)["role_ids"] == ["10", "9"]


def test_a_group_without_a_role_is_refused_by_name() -> None:
    user = somebody()
    in_group(user, "staff", saas="1")
    with pytest.raises(Unmappable, match="'staff'"):
        read_wanted(person(user.uuid), "partner", "x")


def test_an_inactive_person_needs_no_mapped_roles() -> None:
    user = somebody(is_active=False)
    in_group(user, "staff")
    assert read_wanted(person(user.uuid), "partner", "x") is None
