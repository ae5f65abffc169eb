"""What a third party says, made fit to be stored and shown.

Connectors hand on a target's words as they are; whoever keeps or shows an error masks it first (`mask`), with the values
that were sent.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from thirdparty.connectors.base import Payload, fields_of
from thirdparty.connectors.errors import Rejected, TargetError

MASK = "***"
_EMAIL = re.compile(r"[^\s@<>\"']{1,64}@[^\s@<>\"']{1,255}")
_NUMBER = re.compile(r"\+?\d(?:[ ().-]{0,2}\d){4,}")
# Beyond this nothing is looked at; masking is then quick whatever is sent.
_EXAMINED_CHARACTERS = 2000
# Shorter words are masked only where they stand alone, or an "a" would take every sentence apart.
_MIN_PART_LENGTH = 4
# A name has no more words; of a longer text each "the" and "is" would be masked.
_MOST_WORDS = 4
# Shorter numbers (a count, a price) are in half of all sentences.
_MIN_NUMBER_LENGTH = 4
_REASON_LENGTH = 40
_OF_HTTP = re.compile(r"http_\d{3}")


def mask(error: TargetError, known: Iterable[str]) -> None:
    """Leave nothing in this error that may be a value which was sent; only of a `Rejected` is the reason the target's."""
    known = list(known)
    error.message = masked(error.message, known)
    if isinstance(error, Rejected) and not _OF_HTTP.fullmatch(error.reason):
        error.reason = masked(error.reason, known, limit=_REASON_LENGTH) or "invalid"
    error.args = (error.reason, error.message)


def values_of(payload: Payload) -> Iterator[str]:
    """The values of a payload that its target may repeat, however deep they are."""
    return _texts(fields_of(payload))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _texts(each)
    elif isinstance(value, int | float) and not isinstance(value, bool) and len(str(value)) >= _MIN_NUMBER_LENGTH:
        yield str(value)


def masked(text: str, known: Iterable[str], *, limit: int = 200) -> str:
    """``text`` without ``known`` values and, of short ones, their words, e-mail addresses, and numbers of 5 digits or more.

    Case does not matter. Control characters become spaces. At most ``limit`` characters long.
    """
    text = "".join(char if char.isprintable() else " " for char in text[:_EXAMINED_CHARACTERS])
    words = {word for value in known for word in _words(value)}
    if words:
        # The longest first: a full name before its parts.
        pattern = "|".join(_pattern(word) for word in sorted(words, key=len, reverse=True))
        text = re.sub(pattern, MASK, text, flags=re.IGNORECASE)
    text = _NUMBER.sub(MASK, _EMAIL.sub(MASK, text))
    return text.strip()[:limit]


def _words(value: str) -> list[str]:
    words = value.split()
    return [*filter(None, [value.strip()]), *(words if len(words) <= _MOST_WORDS else ())]


def _pattern(word: str) -> str:
    escaped = re.escape(word)
    if len(word) < _MIN_PART_LENGTH and word.isascii():
        return rf"(?<![0-9A-Za-z]){escaped}(?![0-9A-Za-z])"
    return escaped
