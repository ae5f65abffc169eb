"""Masking of what a third party says."""

from __future__ import annotations

import pytest

from thirdparty.connectors.errors import OutcomeUnknown, Rejected, TargetError
from thirdparty.connectors.masking import MASK, mask, masked, values_of


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("name is too long", "name is too long"),
        ("field 12 of 4096", "field 12 of 4096"),
        ("phone 13800000001 is taken", "phone *** is taken"),
        ("phone +86 138-0000-0001.", "phone ***."),
        ("full width １３８００", "full width ***"),
        ("write to <a.b+c@example.com>!", "write to <***>!"),
        ("two\r\nlines\x00\x1b[31m", "two  lines  [31m"),
        ("", ""),
    ],
)
def test_numbers_addresses_and_control_characters_are_masked(text: str, shown: str) -> None:
    assert masked(text, ()) == shown


@pytest.mark.parametrize(
    ("text", "known", "shown"),
    [
        ("用户张伟已存在", ["张伟"], "用户***已存在"),
        ("ZhangWei is taken", ["zhangwei"], "*** is taken"),
        ("Smith, John is taken", ["John Smith"], "***, *** is taken"),
        ("johnsmith2 is taken", ["johnsmith"], "***2 is taken"),
        ("Al also", ["Al"], "*** also"),
        ("a (b) c", ["(b)"], "a *** c"),
        ("nothing known", ["", "  "], "nothing known"),
    ],
)
def test_known_values_and_their_words_are_masked(text: str, known: list[str], shown: str) -> None:
    assert masked(text, known) == shown


def test_of_a_long_text_the_single_words_are_not_masked() -> None:
    note = "the tea is to be left at the door"
    assert masked("the total is negative", [note]) == "the total is negative"
    assert masked(f"bad note: {note}", [note]) == "bad note: ***"


def test_every_value_of_a_payload_is_known_however_deep_it_is() -> None:
    payload = {"name": "Ada", "lines": [{"sku": "T-1", "amount": 12345}, "x"], "paid": True, "count": 7, "note": None}
    assert list(values_of(payload)) == ["Ada", "T-1", "12345", "x"]


@pytest.mark.parametrize(
    ("error", "reason", "message"),
    [
        (Rejected("bad Ada", "Ada is taken"), "bad ***", "*** is taken"),
        (Rejected("Ada"), MASK, MASK),
        (Rejected("http_422", "no Ada"), "http_422", "no ***"),
        (OutcomeUnknown("timeout", "Ada timed out"), "timeout", "*** timed out"),
    ],
)
def test_an_error_keeps_nothing_of_what_was_sent(error: TargetError, reason: str, message: str) -> None:
    mask(error, ["Ada", "timeout"])
    assert (error.reason, error.message) == (reason, message)
    assert "Ada" not in repr(error)


def test_the_result_is_cut_after_masking_so_that_no_half_of_a_value_is_left() -> None:
    assert masked("x" * 195 + " secretvalue", ["secretvalue"]) == "x" * 195 + " ***"
    assert len(masked("word " * 1_000_000, ())) == 200


def test_hostile_text_is_masked_quickly() -> None:
    assert masked("a" * 1_000_000 + "@", ["a b c d"]).startswith("a")
    assert masked("1 " * 1_000_000, ()).startswith("***")
