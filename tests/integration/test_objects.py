"""What people call the objects of records, as sentences about them do."""

from __future__ import annotations

import pytest
from django.utils import translation

from thirdparty.declaration import of_kind
from thirdparty.declaration.registry import _declared
from thirdparty.observe.objects import objects


def test_objects_of_one_kind_are_called_as_their_model_calls_them() -> None:
    assert (objects({"users.user"}, 1), objects({"users.user"}, 2)) == ("person", "people")


def test_objects_of_several_kinds_or_of_none_that_is_declared_are_records() -> None:
    assert objects({"users.user", "shop.order"}, 2) == "records"
    assert (objects({"shop.order"}, 1), objects(set(), 0)) == ("record", "records")


def test_where_two_kinds_are_of_one_model_the_kind_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(_declared, "users.user.again", of_kind("users.user"))
    assert objects({"users.user"}, 2) == "people (users.user)"


def test_they_are_called_in_the_readers_language() -> None:
    with translation.override("zh-hans"):
        assert objects({"users.user"}, 2) == "人员"
