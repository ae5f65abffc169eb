"""What becomes of a target's record once its object is not to be there any more: the policy of one target."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

DAY_SECONDS = 86_400.0


class OnLeave(StrEnum):
    """``TARGET_X_ON_LEAVE``."""

    DELETE = "delete"
    DEACTIVATE = "deactivate"
    LEAVE = "leave"


@dataclass(frozen=True, slots=True)
class Leaving:
    """``on_leave``: what is done at once; ``delete`` with ``delete_after_days`` does nothing until then.

    ``delete_after_days``: what stays is deleted after so many days; None for at once, or else never.
    """

    on_leave: OnLeave = OnLeave.DELETE
    delete_after_days: float | None = None

    @property
    def delete_after_seconds(self) -> float | None:
        return None if self.delete_after_days is None else self.delete_after_days * DAY_SECONDS

    def deletes(self, *, days_over: bool) -> bool:
        """Whether the record goes now. ``days_over``: it has stayed for all of its days."""
        return days_over if self.delete_after_days is not None else self.on_leave is OnLeave.DELETE
