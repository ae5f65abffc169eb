"""In what a record that was found at a target differs from what is wanted there, its identity included."""

from __future__ import annotations

from collections.abc import Iterator

from thirdparty import targets
from thirdparty.connectors.base import RemoteObject, RemoteRecord
from thirdparty.connectors.identity import may_have_key, same_external_id
from thirdparty.decide import sent
from thirdparty.decide.compare import FieldDifference, differences
from thirdparty.models import Record

RECORD = "record"
"""In place of a field: whether there is a record at all."""
PRESENT, ABSENT = "present", "absent"


def found_otherwise(
    row: Record, wanted: RemoteObject | None, found: RemoteRecord | None
) -> tuple[FieldDifference, ...]:
    """Field by field; `RECORD` alone where one side has none; empty where both agree."""
    if found is None or wanted is None:
        both_absent = found is None and wanted is None
        here, there = (PRESENT if side is not None else ABSENT for side in (wanted, found))
        return () if both_absent else (FieldDifference(RECORD, here, there),)
    comparable = targets.connector(row.target, row.kind).comparable
    given = sent.names(row.sent)
    return (*_of_identity(wanted, found), *differences(wanted.payload, found.payload, comparable, given))


def _of_identity(wanted: RemoteObject, found: RemoteRecord) -> Iterator[FieldDifference]:
    if not same_external_id(wanted.external_id, found.external_id):
        yield FieldDifference("external_id", wanted.external_id, found.external_id)
    if not may_have_key(found.key, wanted.key):
        yield FieldDifference("key", wanted.key, found.key)
