"""Which of the claimed records an update is to give another natural key (PROTOCOL 24)."""

from __future__ import annotations

from collections.abc import Sequence

from thirdparty import store
from thirdparty.decide.lease import Lease
from thirdparty.declaration import KeyChanges, of_kind
from thirdparty.models import Record


def is_renamed(row: Record, key: str) -> bool:
    """Whether this record, should there be one at the target, is to be given this natural key."""
    renamed = of_kind(row.kind).key_changes is KeyChanges.RENAMED
    return renamed and "" not in (row.natural_key, key) and row.natural_key != key


def without_contested(target: str, leases: Sequence[Lease]) -> Sequence[Lease]:
    """The same, without those whose natural key another record may have still; these leases are given back.

    A claim does not see that another record came to the key and is about to leave it, if all of that was after its statement
    had begun.
    """
    renamed = [lease for lease in leases if of_kind(lease.kind).key_changes is KeyChanges.RENAMED]
    if not renamed:
        return leases
    kinds, keys = {lease.kind for lease in renamed}, [lease.natural_key for lease in renamed if lease.natural_key]
    # In the words of the index, or SQLite reads every record.
    former = Record.objects.exclude(former_key="").filter(target=target, kind__in=kinds, may_exist=True)
    rows = former.filter(former_key__in=keys)
    held = {(row.kind, row.former_key): row.key for row in rows}
    contested = {
        lease.key: lease for lease in renamed if held.get((lease.kind, lease.natural_key), lease.key) != lease.key
    }
    store.release(list(contested.values()))
    return [lease for lease in leases if lease.key not in contested]
