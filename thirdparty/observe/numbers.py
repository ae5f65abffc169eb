"""Numbers of things as the reader's language groups them. Not for ids, generations and versions: those are names."""

from __future__ import annotations

from django.utils import formats


def grouped(number: float) -> str:
    """1,234,567 in English, and 0.5 as it is."""
    return formats.number_format(number, force_grouping=True)
