"""What follows for other records once some are settled (PROTOCOL 18)."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from django.db import OperationalError

from thirdparty.declaration.registry import any_references
from thirdparty.notify import hints
from thirdparty.store import references
from thirdparty.store.contention import is_contention

logger = logging.getLogger(__name__)


def follow_references(keys: Sequence[str]) -> None:
    """Wake who waited for one of these records, and owe who was sent with an id that is another now."""
    if not keys or not any_references():
        return
    try:
        released = references.release(keys)
    except OperationalError as error:
        if not is_contention(error):
            raise
        logger.warning("who waits for these is left to the reconciler: %s", error)
        return
    for name in {key.partition(":")[0] for key in released}:
        hints.drain(name)
