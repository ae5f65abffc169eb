"""Whether a payload holds nothing but JSON values; a `Decimal` or a date would end in every connector's encoder."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any

from thirdparty.connectors.base import Payload, fields_of
from thirdparty.declaration.unmappable import Unmappable

NOT_JSON = "not_json"
_PLAIN = (str, bool, int)  # a tuple: asked of every value that is sent, and a union would be made anew each time


def require_json(payload: Payload) -> None:
    """Raise `Unmappable`, naming the field, for a value that is no JSON. Tuples serve as lists."""
    for name, value in fields_of(payload).items():
        unfit = _unfit(value)
        if unfit is not None:
            raise Unmappable(
                NOT_JSON,
                f"{name!r} of the payload holds a value of type {unfit}; give a text, a number, true, false, null, or lists and "
                "mappings of these",
            )


def _unfit(value: Any) -> str | None:
    """The type that is no JSON, None where all is well."""
    if value is None or isinstance(value, _PLAIN):
        return None
    if isinstance(value, float):
        return None if isfinite(value) else f"float ({value})"
    if isinstance(value, list | tuple):
        return next((unfit for each in value if (unfit := _unfit(each)) is not None), None)
    if isinstance(value, Mapping):
        if not all(isinstance(name, str) for name in value):
            return "mapping with names that are no texts"
        return next((unfit for each in value.values() if (unfit := _unfit(each)) is not None), None)
    return type(value).__name__
