"""Usernames made from a name and a phone number (CONTRACT A, field rules). Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container
from itertools import count
from uuid import UUID

from users.surnames import surname_and_rest

MAX_LENGTH = 64
_SUFFIX_ROOM = len("x9999999")


def base(name: str, phone: str, uuid: UUID) -> str:
    """The username wanted for a person: 张伟, 13800000001 → ``zhangwei13800000001``.

    Lower-case ASCII letters and digits only. Nothing left of the name gives ``user``, no phone
    the first eight hex digits of the uuid. A long name is cut, a phone is not. A surname is read as a
    surname (单 Shan); of a Chinese character that has no known reading the code point stands (𠮷 ``u20bb7``).
    """
    letters = _ascii(_pinyin(name)) or "user"
    digits = re.sub(r"[^0-9]", "", _ascii(phone)) or uuid.hex[:8]
    digits = digits[: MAX_LENGTH - _SUFFIX_ROOM - 1]
    return letters[: MAX_LENGTH - _SUFFIX_ROOM - len(digits)] + digits


def first_free(wanted: str, taken: Container[str]) -> str:
    """``wanted``, else the first of ``wantedx2``, ``wantedx3`` … that is not taken."""
    if wanted not in taken:
        return wanted
    return next(candidate for n in count(2) if (candidate := f"{wanted}x{n}") not in taken)


def _pinyin(name: str) -> str:
    # Its dictionaries cost 0.2 s and 30 MB, which most processes never need.
    from pypinyin import lazy_pinyin  # noqa: PLC0415

    surname, rest = surname_and_rest(name)
    # What it has no reading for comes back as it is.
    read = "".join(lazy_pinyin(rest))
    return surname + "".join(f"u{ord(char):x}" if _is_ideograph(char) else char for char in read)


def _is_ideograph(char: str) -> bool:
    return unicodedata.name(char, "").startswith("CJK UNIFIED IDEOGRAPH")


def _ascii(text: str) -> str:
    spelled = "".join(str(unicodedata.digit(char, char)) for char in unicodedata.normalize("NFKD", text))
    return re.sub(r"[^a-z0-9]", "", spelled.lower())
