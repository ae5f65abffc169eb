"""Which of the claimed records go because their objects have another natural key now (PROTOCOL 24)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from thirdparty.decide.lease import Lease
from thirdparty.decide.ownership import TRUST
from thirdparty.declaration import KeyChanges, of_kind
from thirdparty.models import Record
from thirdparty.run.payloads import Desired


def replaced_first(
    leases: Sequence[Lease], goals: Mapping[str, Desired]
) -> tuple[Sequence[Lease], Mapping[str, Desired]]:
    """The same, without what is only to be added once the record of the old natural key is gone.

    Nothing is replaced for an object that has left, of which the target's policy says what becomes of the record; nor where the
    key changed back after the claim.
    """
    going = _still_going([lease.key for lease in leases if lease.replaces and goals[lease.key].obj is not None])
    leases = [replace(lease, replaces=lease.key in going) if lease.replaces else lease for lease in leases]
    return leases, {key: Desired() if key in going else goal for key, goal in goals.items()}


def is_replaced(row: Record, key: str) -> bool:
    """Whether this record goes, should there be one at the target, for its object to be there under this natural key."""
    kept = of_kind(row.kind).key_changes is not KeyChanges.REPLACED or row.adopted == TRUST
    return not kept and "" not in (row.natural_key, key) and row.natural_key != key


def _still_going(keys: Sequence[str]) -> frozenset[str]:
    if not keys:
        return frozenset()
    rows = Record.objects.filter(key__in=keys, deleted=False)
    return frozenset(row.key for row in rows if is_replaced(row, row.wanted_key))
