"""Numbers of things as the reader's language groups them. Not for ids, generations and versions: those are names."""

from __future__ import annotations

from django.utils import formats


def grouped(number: int) -> str:
    """1,234,567 in English."""
    return formats.number_format(number, force_grouping=True)
