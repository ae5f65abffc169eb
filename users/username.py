"""Usernames made from a name and a phone number (CONTRACT A, field rules). Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container
from itertools import count
from uuid import UUID

MAX_LENGTH = 64
_SUFFIX_ROOM = len("x9999999")


def base(name: str, phone: str, uuid: UUID) -> str:
    """The username wanted for a person: 张伟, 13800000001 → ``zhangwei13800000001``.

    Lower-case ASCII letters and digits only. Nothing left of the name gives ``user``, no phone
    the first eight hex digits of the uuid. A long name is cut, a phone is not.
    """
    # Its dictionaries cost 0.2 s and 30 MB, which most processes never need.
    from pypinyin import lazy_pinyin  # noqa: PLC0415

    letters = _ascii("".join(lazy_pinyin(name))) or "user"
    digits = re.sub(r"[^0-9]", "", _ascii(phone)) or uuid.hex[:8]
    digits = digits[: MAX_LENGTH - _SUFFIX_ROOM - 1]
    return letters[: MAX_LENGTH - _SUFFIX_ROOM - len(digits)] + digits


def first_free(wanted: str, taken: Container[str]) -> str:
    """``wanted``, else the first of ``wantedx2``, ``wantedx3`` … that is not taken."""
    if wanted not in taken:
        return wanted
    return next(candidate for n in count(2) if (candidate := f"{wanted}x{n}") not in taken)


def _ascii(text: str) -> str:
    spelled = "".join(str(unicodedata.digit(char, char)) for char in unicodedata.normalize("NFKD", text))
    return re.sub(r"[^a-z0-9]", "", spelled.lower())
