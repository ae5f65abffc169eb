"""What a row keeps of the values that a target holds: enough to say what changed, and not what it was."""

from __future__ import annotations

from typing import Any

import pytest

from thirdparty.connectors.base import fields_of
from thirdparty.decide import sent
from thirdparty.decide.sent import Hashes, hash_key

KEY = hash_key("a secret of fifty characters and more, as Django makes it")
ANN = {"name": "Ann", "phone": "138", "email": "", "role_ids": ["1", "2"]}


def of(payload: dict[str, Any]) -> Hashes:
    return sent.hashes(payload, fields_of, KEY)


def test_what_was_kept_is_read_again() -> None:
    assert sent.read(sent.written(of(ANN), KEY), KEY) == of(ANN)


def test_nothing_that_was_sent_can_be_read_in_it() -> None:
    text = sent.written(of(ANN), KEY)
    assert "Ann" not in text
    assert "138" not in text


def test_under_another_secret_everything_is_not_known_instead_of_rewritten() -> None:
    other = hash_key("another secret")
    assert sent.read(sent.written(of(ANN), KEY), other) is None
    assert sent.hashes(ANN, fields_of, other)["name"] != of(ANN)["name"]


def test_nothing_kept_is_not_known() -> None:
    assert sent.read(None, KEY) is None


def test_the_fields_that_changed_are_named() -> None:
    assert sent.changed(of(ANN), of({**ANN, "phone": "139", "email": "a@b.example"})) == ("phone", "email")


def test_a_field_that_came_or_went_has_changed() -> None:
    assert sent.changed(of({"a": 1, "b": 2}), of({"b": 2, "c": 3})) == ("a", "c")


@pytest.mark.parametrize("nothing", ["", None, [], {}])
def test_a_field_that_held_something_and_is_empty_now_is_emptied(nothing: Any) -> None:
    assert sent.emptied(of(ANN), of({**ANN, "phone": nothing})) == ("phone",)


def test_a_field_that_is_not_given_any_more_is_emptied() -> None:
    assert sent.emptied(of({"a": 1, "b": 2}), of({"b": 2})) == ("a",)


def test_what_was_empty_before_is_not_emptied() -> None:
    assert sent.emptied(of(ANN), of({**ANN, "email": None})) == ()


@pytest.mark.parametrize("value", [0, False, "0", " "])
def test_nought_and_false_are_values(value: Any) -> None:
    assert sent.emptied(of({"a": 7}), of({"a": value})) == ()


def test_more_than_half_of_the_fields_is_a_rewrite_and_half_of_them_is_none() -> None:
    assert not sent.rewrites(of(ANN), of({**ANN, "name": "Bob", "phone": "139"}))
    assert sent.rewrites(of(ANN), of({**ANN, "name": "Bob", "phone": "139", "email": "b@b.example"}))


def test_equal_numbers_are_equal_however_they_are_written() -> None:
    assert sent.changed(of({"total": 10}), of({"total": 10.0})) == ()


def test_a_text_and_the_number_that_it_shows_differ() -> None:
    assert sent.changed(of({"total": "10"}), of({"total": 10})) == ("total",)


def test_the_same_value_in_two_fields_has_two_hashes() -> None:
    assert len(set(of({"a": "x", "b": "x"}).values())) == 2


def test_the_order_of_names_inside_a_value_is_no_difference() -> None:
    assert of({"a": {"x": 1, "y": 2}}) == of({"a": {"y": 2, "x": 1}})


def test_only_the_fields_that_are_wanted_are_kept_of_what_was_found() -> None:
    assert list(sent.hashes({**ANN, "created": "today"}, fields_of, KEY, only=ANN)) == list(ANN)
