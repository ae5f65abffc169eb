"""What the statements of strict writes do to a row. Pure.

`tests.chaos.test_strict_model_matches_sql` runs the real ones on each row that the model reaches.
"""

from __future__ import annotations

from tests.chaos.model import transitions
from tests.chaos.model.row import Held, Row
from thirdparty.decide.brake import HELD_BY_BRAKE
from thirdparty.models.record import REJECTED_BY_PERSON


def claim(row: Row) -> tuple[Row, Held] | None:
    """`store.claim` by the holder of the strict write: due or not, parked or not; owed from here on."""
    due = row.due if row.is_due else "now"
    claimed = transitions.claim(row._replace(due=due, parked="", deleted=False), has_user=True, rival=False)
    if claimed is None:
        return None
    leased, held = claimed
    leased = leased._replace(generation=row.generation + 1, parked=row.parked, deleted=row.deleted, released=False)
    return leased, held._replace(generation=leased.generation, released=False)


def owe_undoing(row: Row) -> Row:
    """`strict_rows.owe_undoing`."""
    if row.synced == row.generation:
        return row
    # The brake counts it, and does not hold it.
    released = row.parked not in (HELD_BY_BRAKE, REJECTED_BY_PERSON)
    return row._replace(generation=row.generation + 1, due="now", parked="", no_progress=0, released=released)


def wanted(row: Row) -> Row:
    """The triggers, on a user who comes or is changed."""
    return transitions.changed(row)._replace(deleted=False)


def acknowledge(row: Row, adopted: str) -> Row:
    """`strict_rows.acknowledge`, in the transaction of the write."""
    if row.lease != "free":
        return row
    due = "recheck" if row.recheck != "none" else "none"
    return row._replace(synced=row.generation, due=due, parked="", adopted=adopted, failed_tries=0)
