"""The verdict on one record, from two looks at it and what was found."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from thirdparty.audit.verdict import Look, Rules, compared, is_of, unsettled
from thirdparty.connectors.base import RemoteObject, RemoteRecord, fields_of
from thirdparty.decide import sent
from thirdparty.decide.sent import hash_key

KEY = hash_key("secret")
RULES = Rules(fields_of, KEY)
WANTED = RemoteObject("shop.order.1", "A1", {"total": "10", "note": "x"})
FOUND = RemoteRecord("7", "shop.order.1", "A1", {"total": "10", "note": "x", "theirs": 1})
LOOK = Look(
    key="erp:shop.order:1", kind="shop.order", object_id="1", generation=3, synced_generation=3, claims=5,
    is_leased=False, in_doubt=False, deleted=False, parked="", remote_id="7", natural_key="A1", adopted="",
    sent=sent.written(sent.hashes(WANTED.payload, fields_of, KEY), KEY), synced_at=datetime(2026, 11, 1, tzinfo=UTC),
)  # fmt: skip


def found(**payload: Any) -> RemoteRecord:
    return replace(FOUND, payload={**fields_of(FOUND.payload), **payload})


def wanted(**payload: Any) -> RemoteObject:
    return replace(WANTED, payload={**fields_of(WANTED.payload), **payload})


def test_what_agrees_in_every_wanted_field_is_equal_whatever_else_the_target_holds() -> None:
    assert compared(LOOK, WANTED, FOUND, RULES).verdict == "equal"


def test_the_target_is_ahead_where_it_no_longer_holds_what_it_acknowledged() -> None:
    judged = compared(LOOK, WANTED, found(total="11"), RULES)
    assert (judged.verdict, judged.fields, judged.ahead) == ("differing", ("total",), "theirs")


def test_we_are_ahead_where_what_is_wanted_was_never_sent() -> None:
    judged = compared(LOOK, wanted(total="12"), FOUND, RULES)
    assert (judged.verdict, judged.fields, judged.ahead) == ("differing", ("total",), "ours")


def test_both_are_ahead_where_both_have_moved() -> None:
    assert compared(LOOK, wanted(total="12"), found(total="11"), RULES).ahead == "both"


def test_nobody_knows_who_is_ahead_where_nothing_is_known_of_what_was_acknowledged() -> None:
    assert compared(replace(LOOK, sent=None), WANTED, found(total="11"), RULES).ahead == ""


def test_hashes_under_another_secret_say_nothing() -> None:
    assert compared(LOOK, WANTED, found(total="11"), replace(RULES, key=hash_key("another"))).ahead == ""


def test_nothing_found_of_what_is_wanted_is_missing() -> None:
    judged = compared(LOOK, WANTED, None, RULES)
    assert (judged.verdict, judged.ahead) == ("missing", "theirs")


def test_what_was_never_sent_and_is_wanted_is_missing_for_our_own_fault() -> None:
    assert compared(replace(LOOK, remote_id=None), WANTED, None, RULES).ahead == "ours"


def test_nothing_found_of_what_is_not_wanted_is_equal() -> None:
    assert compared(LOOK, None, None, RULES).verdict == "equal"


def test_what_is_found_and_not_wanted_is_extra_and_ours() -> None:
    judged = compared(LOOK, None, FOUND, RULES)
    assert (judged.verdict, judged.owner) == ("extra", "ours")


def test_what_was_only_taken_on_trust_is_left_there_and_no_finding() -> None:
    assert compared(replace(LOOK, adopted="trust"), None, FOUND, RULES).verdict == "equal"


@pytest.mark.parametrize(
    ("change", "field"),
    [({"key": "B2"}, "key"), ({"external_id": ""}, "external_id"), ({"remote_id": "8"}, "remote_id")],
)
def test_an_identity_that_changed_is_a_difference_of_theirs(change: dict[str, str], field: str) -> None:
    judged = compared(LOOK, WANTED, replace(FOUND, **change), RULES)
    assert (judged.verdict, judged.fields, judged.ahead) == ("differing", (field,), "theirs")


def test_case_of_a_key_and_leading_zeros_of_an_id_are_no_difference() -> None:
    assert compared(LOOK, WANTED, replace(FOUND, key="a1", remote_id="07"), RULES).verdict == "equal"


def test_fields_to_ignore_are_no_difference() -> None:
    assert compared(LOOK, WANTED, found(note="y"), replace(RULES, ignored=("note",))).verdict == "equal"


def test_two_looks_that_are_alike_bear_a_comparison() -> None:
    assert unsettled(LOOK, replace(LOOK)) == ""


@pytest.mark.parametrize(
    "change",
    [{"claims": 6}, {"generation": 4, "synced_generation": 4}, {"generation": 4}, {"is_leased": True},
     {"in_doubt": True}, {"parked": "invalid"}],
)  # fmt: skip
def test_two_looks_bear_none_where_the_record_moved_or_is_not_at_rest(change: dict[str, Any]) -> None:
    moved = replace(LOOK, **change)
    assert unsettled(LOOK, moved)
    assert unsettled(moved, LOOK)


def test_a_row_that_is_gone_bears_none() -> None:
    assert unsettled(LOOK, None)


@pytest.mark.parametrize(
    ("external_id", "remote_id", "ours"),
    [("shop.order.1", "9", True), ("shop.order.2", "7", False), ("", "7", True), ("", "8", False)],
)
def test_a_record_is_ours_by_its_external_id_and_by_our_link_only_where_it_has_none(
    external_id: str,
    remote_id: str,
    ours: bool,  # noqa: FBT001  # a parameter of the example
) -> None:
    assert is_of(replace(FOUND, external_id=external_id, remote_id=remote_id), LOOK, "shop.order.1") is ours


@pytest.mark.parametrize(
    ("key", "look", "ours"),
    [
        ("another", {}, False),
        ("another", {"adopted": "match"}, False),
        ("another", {"natural_key": ""}, True),
        (None, {}, False),
        (None, {"adopted": "match"}, True),
    ],
    ids=str,
)
def test_a_record_without_external_id_is_ours_by_our_link_only_with_our_natural_key_or_if_adopted_where_none_are_kept(
    key: str | None,
    look: dict[str, Any],
    ours: bool,  # noqa: FBT001  # a parameter of the example
) -> None:
    another = replace(FOUND, external_id="", key=key)
    assert is_of(another, replace(LOOK, **look), "shop.order.1") is ours
