"""Our side of a comparison: rows as they are at this moment, and what their target is to hold."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from thirdparty.audit.verdict import Look, Rules
from thirdparty.connectors.base import Connector
from thirdparty.connectors.leaving import OnLeave
from thirdparty.declaration import of_kind
from thirdparty.models import Record
from thirdparty.run import payloads
from thirdparty.run.payloads import Desired
from thirdparty.settings import settings

_COLUMNS = (
    "key", "kind", "object_id", "generation", "synced_generation", "claims", "lease_token", "unknown_until", "deleted",
    "parked", "remote_id", "natural_key", "adopted", "sent", "synced_at", "left_at",
)  # fmt: skip


def looks(keys: Collection[str]) -> dict[str, Look]:
    """The rows of these keys, those that there are."""
    return _looks(Record.objects.filter(key__in=keys))


def looks_at_remote_ids(target: str, kind: str, remote_ids: Collection[str]) -> dict[str, Look]:
    """The rows that are linked to these remote records, by the remote id."""
    rows = _looks(Record.objects.filter(target=target, kind=kind, remote_id__in=remote_ids)) if remote_ids else {}
    return {look.remote_id: look for look in rows.values() if look.remote_id is not None}


def _looks(rows: Any) -> dict[str, Look]:
    found = {}
    for row in rows.values(*_COLUMNS):
        leased, doubt = row.pop("lease_token"), row.pop("unknown_until")
        found[row["key"]] = Look(**row, is_leased=leased is not None, in_doubt=doubt is not None)
    return found


@dataclass(frozen=True, slots=True)
class Ours:
    """A record as it was looked at, and what was wanted of it right after."""

    look: Look
    desired: Desired

    @property
    def obstacle(self) -> str:
        """Why it cannot be said what is wanted; empty where it can."""
        obstacle = self.desired.obstacle
        return "" if obstacle is None else str(getattr(obstacle, "message", obstacle))


def rules(connector: Connector) -> Rules:
    """By what the records of this connector are compared."""
    deactivates = connector.config.leaving.on_leave is OnLeave.DEACTIVATE
    return Rules(
        connector.comparable, settings.hash_key(), of_kind(connector.kind).audit_ignore,
        connector.inactive if deactivates else {},
    )  # fmt: skip


def ours(target: str, found: Mapping[str, Look]) -> dict[str, Ours]:
    """What the target is to hold of these records, by key. Made as for a push, from the database that holds the records."""
    wanted = payloads.read(target, list(found.values()))
    return {key: Ours(look, wanted[key]) for key, look in found.items()}
