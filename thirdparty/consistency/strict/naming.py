"""By which key a strict write is to be known at a target, which records it names, and which name it: seen before anybody is asked."""

from __future__ import annotations

from collections.abc import Sequence

from thirdparty.consistency.strict import readiness
from thirdparty.consistency.strict.errors import NotAccepted, Verdict
from thirdparty.consistency.strict_payload import asked_of
from thirdparty.decide.failures import BLOCKED, still_named
from thirdparty.decide.ownership import TRUST
from thirdparty.declaration import Unmappable
from thirdparty.declaration.at_target import UNDECLARED, WaitsFor
from thirdparty.models import Record, StrictWrite
from thirdparty.run.replacing import is_replaced
from thirdparty.store import references

KEY_CHANGES = "key_changes"


def require_free(strict_write: StrictWrite, names: Sequence[str]) -> None:
    """Raise `NotAccepted`, with nobody asked, where a target could not hold what is to be written.

    It would name a record that has no remote id there, or remove one that others still name: for the one the target could
    only be asked later, and the other cannot be taken back once a target has done it.
    """
    obstacles = {name: found for name in names if (found := _obstacle(strict_write, name)) is not None}
    if obstacles:
        other = "another target cannot be asked for it yet"
        raise NotAccepted([obstacles.get(name) or readiness.not_asked(name, other) for name in names], asked=False)


def _is_to_be_replaced(strict_write: StrictWrite, row: Record) -> bool:
    """Two steps, of which the first cannot be taken back."""
    return row.may_exist and any(is_replaced(row, key) for key in (row.wanted_key, strict_write.natural_key))


def _obstacle(strict_write: StrictWrite, name: str) -> Verdict | None:
    row = Record.objects.filter(key=strict_write.ref.key(name)).first()
    if row is not None and _is_to_be_replaced(strict_write, row):
        message = "its natural key changes, and the record there is replaced for it: write without strict consistency"
        return Verdict(name, accepted=False, reason=KEY_CHANGES, message=message)
    try:
        asked = asked_of(strict_write, name, row.natural_key if row is not None else "")
    except WaitsFor as waits:
        return Verdict(name, accepted=False, reason=BLOCKED, message=waits.message)
    except Unmappable as found:
        if found.reason != UNDECLARED:
            return None  # the step says so itself
        return Verdict(name, accepted=False, reason=found.reason, message=found.message)
    if asked.payload is not None or row is None or row.remote_id is None or row.adopted == TRUST:
        return None
    holder = references.holders_of([row.key]).get(row.key)
    return None if holder is None else Verdict(name, accepted=False, reason=BLOCKED, message=still_named(holder))
