"""Which record has been owed for longest, of those that nobody has to do anything for."""

from __future__ import annotations

from datetime import datetime

from thirdparty.models import Record
from thirdparty.observe.tally import WAITING

LOOKED_AT = 1_000
"""So many are read at most, over the index on what is owed: those of other targets, and what waits for people, among them."""


def oldest(target: str, since: datetime) -> str:
    """Its key, where none of this target has been owed before ``since``; empty where it is not among the first `LOOKED_AT`."""
    owed = Record.objects.filter(owed_since__gte=since).order_by("owed_since").values_list("key", "target", "state")
    return next((key for key, its, state in owed[:LOOKED_AT] if its == target and state in WAITING), "")
