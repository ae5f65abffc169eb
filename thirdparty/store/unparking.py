"""Who may take a record out of the park: the table is in docs/protocol.md, rule 22."""

from __future__ import annotations

from thirdparty.models.record import REJECTED_BY_PERSON

REJECTED = f"parked = '{REJECTED_BY_PERSON}'"
"""A person left the record as it is, here and there: it stands until a person or a newer edit lifts it."""


def unless_rejected(**columns: str) -> str:
    """What an UPDATE sets that the engine makes of its own accord: nothing of a record whose change a person rejected."""
    return ", ".join(
        f"{column} = CASE WHEN {REJECTED} THEN {column} ELSE {value} END" for column, value in columns.items()
    )
