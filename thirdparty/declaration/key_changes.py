"""What becomes of the record at a target when its object's natural key changes."""

from __future__ import annotations

from enum import StrEnum


class KeyChanges(StrEnum):
    """``kept``: it stays there under its old key. ``replaced``: it is deleted, then added under the new one. ``renamed``: an update
    gives it the new one."""

    KEPT = "kept"
    REPLACED = "replaced"
    RENAMED = "renamed"
