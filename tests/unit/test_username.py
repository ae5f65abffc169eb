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


@pytest.mark.parametrize(
    ("name", "letters"),
    [
        ("单雄信", "shanxiongxin"), ("曾国藩", "zengguofan"), ("仇英", "qiuying"), ("解晓东", "xiexiaodong"),
        ("查良镛", "zhaliangyong"), ("盖叫天", "gejiaotian"), ("朴槿惠", "piaojinhui"), ("区志伟", "ouzhiwei"),
        ("翟天临", "zhaitianlin"), ("覃辉", "qinhui"), ("缪斌", "miaobin"), ("曾經", "zengjing"),
        ("尉迟恭", "yuchigong"), ("万俟卨", "moqixie"), ("单于明", "chanyuming"), ("单于", "shanyu"),
        ("长孙无忌", "zhangsunwuji"), ("單雄信", "shanxiongxin"),
    ],
)  # fmt: skip
def test_a_surname_is_read_as_a_surname(name: str, letters: str) -> None:
    assert username.base(name, "1", UUID_1) == f"{letters}1"


@pytest.mark.parametrize(
    ("name", "letters"), [("国曾", "guoceng"), ("王解放", "wangjiefang"), ("查尔斯·狄更斯", "chaersidigengsi")]
)
def test_the_same_characters_elsewhere_are_read_as_ever(name: str, letters: str) -> None:
    assert username.base(name, "1", UUID_1) == f"{letters}1"


def test_a_character_without_a_known_reading_leaves_its_code_point() -> None:
    assert username.base("𠮷田", "1", UUID_1) == "u20bb7tian1"
    assert username.base("王㐂", "1", UUID_1) == "wangu34021"


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
