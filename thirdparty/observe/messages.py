"""Messages that were written in English, in the reader's language: those of attempts, errors, alerts, and of the history.

They are kept as they were written, for logs and machines. A sentence of ours is found again among the texts of the catalogue,
whatever stands in its places; what a target or a person has said is in no catalogue, and stays as it is
(docs/decisions/0043).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from thirdparty.observe.catalogue import translated
from thirdparty.observe.moments import of_old

_PLACE = re.compile(r"%\((\w+)\)(s|d|(?:\.\d)?g)")
_VALUES = {"s": ".+?", "d": r"\d+"}
_NUMBER = r"[\d.]+"
_COUNT = "count"
_COUNTED = r"\d+(?:,\d+)*\+?"
_LEAST_LETTERS = 4
"""Of texts with fewer only those with a count are sought, such as "%(count)s %(verdict)s"; and their other words have to be ours."""
_WITH_CODE = re.compile(r"(.+) \((\w+)\)", re.DOTALL)
_ERROR = re.compile(r"([\w.]{1,40}): (.+)", re.DOTALL)


class _Text(NamedTuple):
    """``said``: what it is in the reader's language. ``part``: of it in English, sought first since that is quick.

    ``own_words``: the places whose values have to be ours.
    """

    pattern: re.Pattern[str]
    part: str
    said: str
    own_words: tuple[str, ...]


def message_in_words(message: str) -> str:
    """The message in the reader's language where it is ours; else as it is. A code before or behind it stays: the documents have it."""
    return _said(message, get_language() or "") or message


@lru_cache(maxsize=4096)
def _said(message: str, language: str) -> str:
    """Empty where it is none of ours."""
    fixed, texts = _catalogue(language)
    if said := fixed.get(message) or of_old(message):
        return said
    if ", " in message and all(several := [_said(part, language) for part in message.split(", ")]):
        return _(", ").join(several)
    if (error := _ERROR.fullmatch(message)) is not None and (said := _said(error[2], language)):
        return f"{error[1]}: {said}"
    for text in texts:
        if said := _said_by(text, message, language):
            return said
    if (coded := _WITH_CODE.fullmatch(message)) is not None and (said := _said(coded[1], language)):
        return f"{said} ({coded[2]})"
    return ""


def _said_by(text: _Text, message: str, language: str) -> str:
    found = text.pattern.fullmatch(message) if text.part in message else None
    if found is None:
        return ""
    said = {name: _said(value, language) for name, value in found.groupdict().items()}
    if not all(said[name] for name in text.own_words):
        return ""
    return text.said % {name: said[name] or value for name, value in found.groupdict().items()}


@lru_cache(maxsize=16)
def _catalogue(language: str) -> tuple[dict[str, str], list[_Text]]:
    """What is said in this language: texts without places, and those with, the most telling first."""
    fixed, texts = dict[str, str](), list[tuple[int, _Text]]()
    for text, said in translated(language).items():
        parts = [part.replace("%%", "%") for part in _PLACE.split(text)[::3]]
        if len(parts) == 1:
            fixed[text] = said
            continue
        letters = sum(map(str.isalpha, "".join(parts)))
        names = dict(_PLACE.findall(text))
        if letters < _LEAST_LETTERS and _COUNT not in names:
            continue
        own_words = () if letters >= _LEAST_LETTERS else tuple(name for name in names if name != _COUNT)
        as_text = _PLACE.sub(r"%(\1)s", said)
        texts.append((len("".join(parts)), _Text(_pattern(text), max(parts, key=len), as_text, own_words)))
    texts.sort(key=lambda each: -each[0])
    return fixed, [text for _length, text in texts]


def _pattern(text: str) -> re.Pattern[str]:
    pieces, seen = _PLACE.split(text), set[str]()
    pattern = ""
    for at in range(0, len(pieces), 3):
        pattern += re.escape(pieces[at].replace("%%", "%"))
        if at + 1 < len(pieces):
            name, kind = pieces[at + 1], pieces[at + 2]
            pattern += (
                f"(?P={name})"
                if name in seen
                else f"(?P<{name}>{_COUNTED if name == _COUNT else _VALUES.get(kind, _NUMBER)})"
            )
            seen.add(name)
    return re.compile(pattern, re.DOTALL)
