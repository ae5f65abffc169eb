"""All texts that the apps have translated into a language, and what they are in it.

Django translates a text that it is given, and lists none. So the texts are read from the compiled catalogues, whose format is
GNU gettext's, and Django is asked for each.
"""

from __future__ import annotations

import gettext
import struct
from collections.abc import Iterator
from pathlib import Path

import django
from django.apps import apps
from django.conf import settings
from django.utils import translation

_DOMAIN = "django"
_LITTLE_ENDIAN = b"\xde\x12\x04\x95"
_CONTEXT = "\x04"
_PLURAL = "\x00"


def translated(language: str) -> dict[str, str]:
    """By text. Of a plural there is the singular alone; none of those that are translated in a context. Empty for no language."""
    texts = dict.fromkeys(text for file in _files(language) for text in _texts(file))
    with translation.override(language or None):
        return {text.partition(_PLURAL)[0]: _said(text) for text in texts if text and _CONTEXT not in text}


def _files(language: str) -> Iterator[str]:
    """Of every app, of the project, and of Django itself."""
    if not language:
        return
    folders = [Path(django.__file__).parent / "conf" / "locale", *map(Path, settings.LOCALE_PATHS)]
    folders += [Path(app.path) / "locale" for app in apps.get_app_configs()]
    for folder in folders:
        yield from gettext.find(_DOMAIN, str(folder), [translation.to_locale(language)], all=True)


def _texts(file: str) -> Iterator[str]:
    """As the programmers wrote them; a plural behind its singular."""
    content = Path(file).read_bytes()
    order = "<" if content.startswith(_LITTLE_ENDIAN) else ">"
    count, table = struct.unpack_from(f"{order}II", content, 8)
    for length, start in struct.iter_unpack(f"{order}II", content[table : table + 8 * count]):
        yield content[start : start + length].decode()


def _said(text: str) -> str:
    singular, is_plural, plural = text.partition(_PLURAL)
    return translation.ngettext(singular, plural, 1) if is_plural else translation.gettext(singular)
