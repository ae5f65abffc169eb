"""Usernames are made from name and phone as the contract says."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from users import username

UUID_1 = UUID("12345678-9abc-4def-8123-456789abcdef")


@pytest.mark.parametrize(
    ("name", "phone", "expected"),
    [
        ("张伟", "13800000001", "zhangwei13800000001"),
        ("José Ñúñez", "+34 600-11", "josenunez3460011"),
        ("Anna 3", "1", "anna31"),
        ("مريم", "٠١٢٣", "user0123"),
        ("🎉", "", "user12345678"),
        ("吕布", "", "lvbu12345678"),
        ("Łukasz", "5", "ukasz5"),
    ],
)
def test_a_username_is_the_pinyin_of_the_name_then_the_digits_of_the_phone(
    name: str, phone: str, expected: str
) -> None:
    assert username.base(name, phone, UUID_1) == expected


@given(st.text(max_size=300), st.text(max_size=80))
def test_a_username_is_short_ascii_letters_and_digits_whatever_the_name(name: str, phone: str) -> None:
    made = username.base(name, phone, UUID_1)
    assert made.isascii()
    assert made.isalnum()
    assert made == made.lower()
    assert len(made) + len("x9999999") <= username.MAX_LENGTH


def test_a_taken_username_gets_the_first_free_number() -> None:
    assert username.first_free("ann", set()) == "ann"
    assert username.first_free("ann", {"ann"}) == "annx2"
    assert username.first_free("ann", {"ann", "annx2", "annx4"}) == "annx3"
