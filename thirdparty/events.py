"""What an application can listen to: Django signals, sent once what they tell of is committed.

A receiver that raises is logged and harms nothing. It runs in the process that did the work, between two records: what takes
long belongs into a task. Where that process dies in between, nothing is sent: the rows are the truth, these are news.
"""

from __future__ import annotations

import logging
from typing import Any

from django.dispatch import Signal

logger = logging.getLogger(__name__)

attempt_finished = Signal()
"""``sender``: the kind. ``record``: its key, target, kind, object_id and state; ``call``, ``outcome``, ``reason``, ``message``,
``http_status``: as the attempt's row has them."""
record_parked = Signal()
"""``sender``: the kind. ``record``: as above; ``reason``, ``message``: why, without personal details."""
target_changed = Signal()
"""``sender``: the target's name. ``changed``: what of ``paused`` and ``breaker`` is another now, by name."""
audit_finished = Signal()
"""``sender``: the target's name. ``audit``: the audit's number; ``kind``; ``counts``: records by verdict, calls and pages;
``failure``: why it could not be finished, empty where it could."""

brake_latched = Signal()
"""``sender``: the target's name. ``reason``: why, in words; ``counts``: how many of each change. Once, when it latches."""


def send(signal: Signal, sender: str, **news: Any) -> None:
    """Tell whoever listens. Raises nothing."""
    if not signal.receivers:
        return
    for receiver, answer in signal.send_robust(sender, **news):
        if isinstance(answer, Exception):
            logger.error("%r failed on an event of %s", receiver, sender, exc_info=answer)
