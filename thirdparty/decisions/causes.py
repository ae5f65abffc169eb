"""Records that failed for one cause, and what a person does for all of them."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Q, QuerySet

from thirdparty.decisions.look_now import LookedAt, look_now_together
from thirdparty.models import Record
from thirdparty.models.record import State
from thirdparty.permissions import OPERATOR, Account
from thirdparty.store.leased import in_state


@dataclass(frozen=True, slots=True)
class Cause:
    """Those of a target, and of a kind where one is given, that are in this state for this cause."""

    target: str
    cause: str
    kind: str = ""
    state: str = State.PARKED

    def records(self) -> QuerySet[Record]:
        """Of what is parked, the word for which it is; else the reason of the last failure."""
        rows = of_cause(Record.objects.filter(in_state(self.state), target=self.target), self.cause)
        return rows.filter(kind=self.kind) if self.kind else rows


def of_cause(records: QuerySet[Record], cause: str) -> QuerySet[Record]:
    """Those of these records that failed for it."""
    return records.filter(Q(parked=cause) | Q(parked="", cause=cause))


def retry(cause: Cause, *, by: Account = OPERATOR) -> LookedAt:
    """Have all of them looked at now. Raises as `thirdparty.decisions.look_now`."""
    return look_now_together(cause.records(), what=f"{cause.state} for {cause.cause}", by=by)
