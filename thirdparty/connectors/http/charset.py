"""The charset that an answer declares (RFC 9110, section 8.3.2), as Python's codecs know it."""

from __future__ import annotations

import codecs
from contextlib import suppress
from email.message import Message
from functools import lru_cache

_ORDERS = ("", "-le", "-be")
# What `json.loads` tells apart by itself, with and without a byte order mark.
_SHOWN_BY_JSON = ("ascii", "utf-8", "utf-8-sig", *(f"utf-{width}{order}" for width in (16, 32) for order in _ORDERS))
# Declared as one and sent as its superset, very commonly: what a browser reads them as (WHATWG Encoding, section 4.2).
_SUPERSETS = {"gb2312": "gb18030", "gbk": "gb18030", "big5": "big5hkscs", "shift_jis": "cp932", "iso8859-1": "cp1252"}
# Python's own, which are no charsets of any wire.
_NO_CHARSETS = ("idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape")


class UnknownCharset(ValueError):
    """The answer declares a charset that cannot be read here."""


@lru_cache(maxsize=64)
def codec_of(content_type: str) -> str | None:
    """Name the codec of a declared charset; None where none is declared, or a form of Unicode that JSON shows itself.

    Raises `UnknownCharset`.
    """
    message = Message()
    message["Content-Type"] = content_type
    declared = message.get_content_charset()
    if declared is None:
        return None
    try:
        name = codecs.lookup(declared.removeprefix("x-")).name
        # Only asking tells codecs of text from those of bytes, such as zip.
        with suppress(UnicodeDecodeError):
            b"0".decode(name)
    except (LookupError, ValueError):
        raise UnknownCharset("the answer declares a charset that is not known") from None
    if name in _NO_CHARSETS:
        raise UnknownCharset("the answer declares a charset that is none")
    return None if name in _SHOWN_BY_JSON else _SUPERSETS.get(name, name)
