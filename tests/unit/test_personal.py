"""Names and phones of every shape are cleaned or refused with a reason."""

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from users.personal import clean_name, clean_phone


@pytest.mark.parametrize("name", ["", "   ", "\u200b", "x" * 151, "a\x00b", "a\nb", "a\x1bb", "\ud800", "a\u2028b"])
def test_a_name_that_nothing_could_hold_faithfully_is_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        clean_name(name)


@pytest.mark.parametrize("name", ["张伟", "O'Brien", "🎉 party", "مريم", "x" * 150, "Jean-Luc", "நிலா"])
def test_a_name_of_any_script_is_kept(name: str) -> None:
    assert clean_name(f"  {name} ") == name


def test_a_name_is_kept_in_composed_form() -> None:
    assert clean_name("Jose\u0301") == "José"


@pytest.mark.parametrize(
    ("phone", "kept"),
    [("", ""), (" 138 0000 ", "138 0000"), ("+49 (30) 1-2", "+49 (30) 1-2"), ("٠١٢٣", "0123"), ("１３８", "138")],
)
def test_a_phone_keeps_its_form_with_digits_in_ascii(phone: str, kept: str) -> None:
    assert clean_phone(phone) == kept


@pytest.mark.parametrize("phone", ["abc", "12a", "+", "1\x002", "1" * 33, "😀", "--", "1\n2", "²³a"])
def test_what_is_no_phone_number_is_refused(phone: str) -> None:
    with pytest.raises(ValidationError):
        clean_phone(phone)


@given(st.text(max_size=400))
def test_any_text_is_either_cleaned_or_refused(text: str) -> None:
    for clean in (clean_name, clean_phone):
        try:
            cleaned = clean(text)
        except ValidationError:
            continue
        assert clean(cleaned) == cleaned
        cleaned.encode()
