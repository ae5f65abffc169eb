"""Why a REST partner refuses, in its own words."""

from __future__ import annotations

from typing import Any

_SENTENCES = ("detail", "message", "title", "error_description", "error", "errors")
"""Where partners put them: problem details (RFC 9457) first, then what is common."""


def sentence(body: Any) -> str:
    """The most telling text in an error's body; empty where there is none."""
    if not isinstance(body, dict):
        return _text(body)
    said = [text for name in _SENTENCES if (text := _text(body.get(name)))]
    # RFC 9457 leaves what is wrong with single fields to extensions, mostly called so.
    fields = _text(body.get("errors"))
    return f"{said[0]}: {fields}" if said and fields and fields != said[0] else next(iter(said), "")


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, list):
        return "; ".join(filter(None, map(_text, value)))
    if isinstance(value, dict):
        if nested := sentence_of(value):
            return nested
        return "; ".join(f"{name}: {text}" for name, each in value.items() if (text := _text(each)))
    return ""


def sentence_of(fault: dict[str, Any]) -> str:
    """What one fault in a list of them says."""
    return next((text for name in _SENTENCES[:3] if isinstance(text := fault.get(name), str)), "")
