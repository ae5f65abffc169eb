"""The demo's verdict: nothing that differs between both sides goes unseen."""

from __future__ import annotations

from typing import Any

from syncproject.demo.comparison import compare

ROLES = {"Sales": "r-sales", "Support": "r-support"}


def user(uuid: str, **changes: Any) -> dict[str, Any]:
    return {
        "uuid": uuid,
        "username": f"name{uuid}",
        "name": "王芳",
        "phone": "138",
        "email": "",
        "is_active": True,
        "groups": ["Support", "Sales"],
    } | changes


def record(uuid: str, **changes: Any) -> dict[str, Any]:
    return {
        "userId": f"r{uuid}",
        "username": f"name{uuid}",
        "name": "王芳",
        "phone": "138",
        "email": "",
        "roleIds": ["r-sales", "r-support"],
        "externalId": uuid,
        "version": None,
    } | changes


def test_the_same_people_on_both_sides_are_equal() -> None:
    found = compare([user("1"), user("2")], [record("2"), record("1")], role_ids=ROLES)
    assert found.equal
    assert (found.local, found.remote) == (2, 2)


def test_an_inactive_user_is_expected_to_be_absent() -> None:
    assert compare([user("1", is_active=False)], [], role_ids=ROLES).equal
    assert compare([user("1", is_active=False)], [record("1")], role_ids=ROLES).left_over == ("name1",)


def test_a_user_without_a_record_is_lost() -> None:
    assert compare([user("1")], [], role_ids=ROLES).lost == ("name1",)


def test_two_records_of_one_user_are_doubled() -> None:
    assert compare([user("1")], [record("1"), record("1")], role_ids=ROLES).doubled == ("name1",)


def test_the_differing_fields_are_named_even_if_only_one_of_two_records_differs() -> None:
    records = [record("1"), record("1", name="王", roleIds=["r-sales"])]
    found = compare([user("1")], records, role_ids=ROLES)
    assert found.differing == {"name1": ("name", "roleIds")}
    assert not found.equal
