"""In what a target differs from what is wanted, and what a stranger's record is matched on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from thirdparty.connectors.base import Payload, fields_of
from thirdparty.decide.compare import FieldDifference, differences, match


@dataclass(frozen=True)
class Order:
    number: str
    lines: tuple[str, ...]


def without_order(payload: Payload) -> dict[str, Any]:
    """As a connector whose target keeps no order of the lines, and has no notes."""
    held = {name: value for name, value in fields_of(payload).items() if name != "note"}
    return {**held, "lines": sorted(held.get("lines", ()))}


def test_each_field_that_differs_is_named_with_both_values() -> None:
    wanted = {"number": "7", "total": "1.00"}
    found = {"number": "7", "total": "2.00"}
    assert differences(wanted, found, fields_of) == (FieldDifference("total", "1.00", "2.00"),)


def test_a_field_that_the_target_lacks_differs() -> None:
    assert differences({"number": None}, {}, fields_of) == (FieldDifference("number", None, None),)


def test_what_the_target_holds_besides_is_no_difference() -> None:
    assert differences({"number": "7"}, {"number": "7", "created_at": "yesterday"}, fields_of) == ()


@pytest.mark.parametrize("empty", [None, "", [], {}])
def test_a_field_of_ours_that_is_wanted_no_more_differs_while_the_target_holds_something_in_it(empty: Any) -> None:
    wanted, given = {"number": "7"}, ("number", "note")
    assert differences(wanted, {"number": "7", "note": "fragile"}, fields_of, given) == (
        FieldDifference("note", None, "fragile"),
    )
    assert differences(wanted, {"number": "7", "note": empty}, fields_of, given) == ()
    assert differences(wanted, {"number": "7"}, fields_of, given) == ()


def test_what_the_target_cannot_hold_is_no_difference() -> None:
    wanted = {"number": "7", "lines": ["b", "a"], "note": "fragile"}
    assert differences(wanted, {"number": "7", "lines": ["a", "b"]}, without_order) == ()


def test_a_payload_may_be_a_dataclass() -> None:
    found = {"number": "8", "lines": ["a", "b"]}
    assert differences(Order("7", ("b", "a")), found, without_order) == (FieldDifference("number", "7", "8"),)


@pytest.mark.parametrize(
    ("found", "fields", "matches"),
    [
        ({"phone": "1", "email": "a@x"}, ("phone",), True),
        ({"phone": "1", "email": "a@x"}, ("phone", "email"), True),
        ({"phone": "1", "email": "b@x"}, ("phone", "email"), False),
        ({"phone": "1"}, ("phone", "email"), False),
        ({"phone": "1", "name": ""}, ("name",), False),
        ({"phone": "1"}, (), False),
    ],
)
def test_a_record_matches_in_every_declared_field_none_of_which_is_empty(
    found: dict[str, str], fields: tuple[str, ...], *, matches: bool
) -> None:
    assert match({"phone": "1", "email": "a@x", "name": ""}, found, fields_of, fields) is matches
