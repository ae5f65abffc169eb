"""Which records a sample has: for a percentage always the same ones, and those of a smaller one among them. Pure."""

from __future__ import annotations

import zlib

WHOLE_PERCENT = 100.0
LEAST_PERCENT = 0.0001
_PARTS = 1_000_000


def in_sample(key: str, percent: float) -> bool:
    """Whether the record of this key is one of so many per cent, spread evenly over all keys."""
    return zlib.crc32(key.encode()) % _PARTS < percent / WHOLE_PERCENT * _PARTS
