"""What the application does in a strict write of one of its objects."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Course:
    """``base``: locks the object, and gives its fingerprint as it is now; empty where there is none. ``write``: makes the
    change here. ``kept``: is called once the records say that the targets have it. All three in one transaction.
    """

    base: Callable[[], str]
    write: Callable[[], Any]
    kept: Callable[[], Any]
