"""Seeded bugs of references between records."""

from __future__ import annotations

from typing import Any

from tests.chaos.model import references
from tests.chaos.model.bug import Bug
from tests.chaos.model.configurations import references as configurations
from tests.chaos.model.references import References
from tests.chaos.model.row import Row
from tests.chaos.model.rules import Rules
from thirdparty.decide.failures import REFERENCE_CYCLE

_AT = {configuration.name.removeprefix("references: "): configuration for configuration in configurations()}


def _forgets_in_doubt(noted: References, row: Row, record: int, used: int) -> References:
    return references.forget(noted, row._replace(recheck="none"), record, used)


def _forgets_what_is_not_acknowledged(noted: References, row: Row, record: int, used: int) -> References:
    return references.forget(noted, row._replace(synced=row.generation), record, used)


def _never_forgets(noted: References, *_: Any) -> References:
    return noted


def _notes_nothing(noted: References, *_: Any) -> References:
    return noted


def _keeps_waiting(row: Row, **_: bool) -> Row:
    return row


def _stays_parked_in_a_circle(row: Row, **facts: bool) -> Row:
    return row if row.parked == REFERENCE_CYCLE else references.woken(row, **facts)


def _stays_parked_for_an_old_id(row: Row) -> Row:
    return row if row.parked else references.followed(row)


def _nobody(*_: Any) -> int:
    return -1


BUGS = {
    "a reference is forgotten while an answer is missing": Bug(
        Rules(forget=_forgets_in_doubt), _AT["a late edit"], "P18"
    ),
    "a reference is forgotten before the target has acknowledged": Bug(
        Rules(forget=_forgets_what_is_not_acknowledged), _AT["a deletion after a switch"], "P18"
    ),
    "a reference is never forgotten": Bug(Rules(forget=_never_forgets), _AT["a deletion after a switch"], "I"),
    "a reference is not noted": Bug(Rules(note=_notes_nothing), _AT["both deleted"], "P18"),
    "a deletion does not wait for who names it": Bug(
        Rules(holder=_nobody, refused=_nobody), _AT["both deleted"], "P18"
    ),
    "who waits for a remote id is not woken": Bug(Rules(woken=_keeps_waiting), _AT["edits"], "I"),
    "a remote id that changes is sent to nobody": Bug(Rules(followed=lambda row: row), _AT["a lost customer"], "I"),
    "a circle is not seen": Bug(Rules(is_circle=lambda *_: False), _AT["a circle"], "I7"),
    "a circle that somebody breaks stays parked": Bug(Rules(woken=_stays_parked_in_a_circle), _AT["a circle"], "I7"),
    "who named a record that is gone stays parked": Bug(
        Rules(followed=_stays_parked_for_an_old_id), _AT["deactivation"], "I7"
    ),
    "one that waits to be deleted is not read back for who is refused for naming it": Bug(
        Rules(in_vain=lambda *_: False), _AT["a lost customer who is deleted"], "I7"
    ),
    "a deletion that was refused for a name stays parked": Bug(Rules(refused=_nobody), _AT["deactivation"], "I7"),
}
