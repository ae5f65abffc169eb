"""What a third party says, made fit to be stored and shown."""

from __future__ import annotations

import re
from collections.abc import Iterable

MASK = "***"
_EMAIL = re.compile(r"[^\s@<>\"']{1,64}@[^\s@<>\"']{1,255}")
_NUMBER = re.compile(r"\+?\d(?:[ ().-]{0,2}\d){4,}")
# Beyond this nothing is looked at; masking is then quick whatever is sent.
_EXAMINED_CHARACTERS = 2000
# Shorter words are masked only where they stand alone, or an "a" would take every sentence apart.
_MIN_PART_LENGTH = 4


def masked(text: str, known: Iterable[str], *, limit: int = 200) -> str:
    """``text`` without ``known`` values and their words, e-mail addresses, and numbers of 5 digits or more.

    Case does not matter. Control characters become spaces. At most ``limit`` characters long.
    """
    text = "".join(char if char.isprintable() else " " for char in text[:_EXAMINED_CHARACTERS])
    words = {word for value in known for word in (value.strip(), *value.split()) if word}
    if words:
        # The longest first: a full name before its parts.
        pattern = "|".join(_pattern(word) for word in sorted(words, key=len, reverse=True))
        text = re.sub(pattern, MASK, text, flags=re.IGNORECASE)
    text = _NUMBER.sub(MASK, _EMAIL.sub(MASK, text))
    return text.strip()[:limit]


def _pattern(word: str) -> str:
    escaped = re.escape(word)
    if len(word) < _MIN_PART_LENGTH and word.isascii():
        return rf"(?<![0-9A-Za-z]){escaped}(?![0-9A-Za-z])"
    return escaped
