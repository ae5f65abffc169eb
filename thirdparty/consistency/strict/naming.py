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
from thirdparty.run.renaming import is_renamed
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


def _changes_key(strict_write: StrictWrite, row: Record) -> str:
    """What becomes of the record for it: two steps of which the first cannot be taken back, or a key that others may be given
    before it is; empty where the key is the same."""
    keys = (row.wanted_key, strict_write.natural_key)
    if not row.may_exist:
        return ""
    if any(is_replaced(row, key) for key in keys):
        return "replaced"
    return "renamed" if row.former_key or any(is_renamed(row, key) for key in keys) else ""


def _obstacle(strict_write: StrictWrite, name: str) -> Verdict | None:
    row = Record.objects.filter(key=strict_write.ref.key(name)).first()
    if row is not None and (how := _changes_key(strict_write, row)):
        message = f"its natural key changes, and the record there is {how} for it: write without strict consistency"
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
