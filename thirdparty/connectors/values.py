"""Values of a foreign JSON document, made fit to be kept."""

from __future__ import annotations

from typing import Any


def id_or_none(value: object) -> str | None:
    """An id as text, from a string or an integer; None for anything that cannot be one."""
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return None
    text = str(value)
    return text if text.isprintable() and text.strip() else None


def storable(text: str) -> str:
    """Without what no database stores: PostgreSQL takes neither NUL nor lone surrogates."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def storable_json(value: Any) -> Any:
    """The same for all text in a JSON value; line breaks and tabs stay."""
    if isinstance(value, str):
        return "".join(char if char in "\n\r\t" else storable(char) for char in value)
    if isinstance(value, list):
        return [storable_json(each) for each in value]
    if isinstance(value, dict):
        return {storable(name): storable_json(each) for name, each in value.items()}
    return value
