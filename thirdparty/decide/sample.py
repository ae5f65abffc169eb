"""Which records a sample has: for a percentage always the same ones, and those of a smaller one among them. Pure."""

from __future__ import annotations

import zlib
from collections.abc import Mapping

WHOLE_PERCENT = 100.0
LEAST_PERCENT = 0.0001
_PARTS = 1_000_000


def in_sample(key: str, percent: float) -> bool:
    """Whether the record of this key is one of so many per cent, spread evenly over all keys."""
    return zlib.crc32(key.encode()) % _PARTS < percent / WHOLE_PERCENT * _PARTS


def is_chosen(key: str, kind: str, percent_of: Mapping[str, float]) -> bool:
    """Whether the record of this key is in the sample of its kind; all are, of a kind that has no percentage here."""
    percent = percent_of.get(kind)
    return percent is None or in_sample(key, percent)
