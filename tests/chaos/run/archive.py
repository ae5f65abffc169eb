"""When a third party was restored from a backup: its ledger does not tell what that changed. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.run.ledger import RESTORE

Entry = Mapping[str, Any]
Held = dict[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Restore:
    """``backup`` and ``seq``: the ledger's last numbers when it was backed up and when it was restored."""

    backup: int
    seq: int
    at: float


@dataclass(slots=True)
class Archive:
    """The restores of one third party, oldest first, and when each backfill of it had come back."""

    restores: list[Restore] = field(default_factory=list)
    backfilled: list[float] = field(default_factory=list)

    def whole(self, entries: Iterable[Entry]) -> list[Entry]:
        """The ledger's entries, and after each restore an effect for every record that it changed."""
        return [entry for entry, _ in self._told(entries)]

    def revived(self, entries: Iterable[Entry]) -> dict[tuple[str, str], str]:
        """By id and username of the records that were brought back, gone or with their id given to another: the external id."""
        back = (entry for entry, is_restored in self._told(entries) if is_restored and entry["effect"] != "deleted")
        return {
            (entry["user_id"], entry["username"]): entry["external_id"]
            for entry in back
            if entry["effect"] == "created" or entry["changed_hands"]
        }

    def _told(self, entries: Iterable[Entry]) -> Iterator[tuple[Entry, bool]]:
        held: Held = {}
        backups: dict[int, Held] = {}
        ahead = list(self.restores)
        for entry in [*sorted(entries, key=lambda entry: entry["seq"]), None]:
            for restore in [one for one in ahead if entry is None or entry["seq"] > one.backup]:
                backups.setdefault(restore.backup, dict(held))
                if entry is None or entry["seq"] > restore.seq:
                    yield from ((effect, True) for effect in _changes(restore, held, backups[restore.backup]))
                    held = dict(backups[restore.backup])
                    ahead.remove(restore)
            if entry is None:
                return
            if entry["kind"] == "effect":
                held[entry["user_id"]] = entry["record"]
                if entry["effect"] == "deleted":
                    del held[entry["user_id"]]
            yield entry, False


def _changes(restore: Restore, before: Held, after: Held) -> Iterator[Entry]:
    had = {record["externalId"] for record in before.values()}
    for user_id in sorted(before.keys() | after.keys()):
        was, now = before.get(user_id), after.get(user_id)
        if was is not None and (now is None or now["externalId"] != was["externalId"]):
            yield _effect(restore, "deleted", was)
        if now is not None and now != was:
            kind = "updated" if now["externalId"] in had else "created"
            changed_hands = was is not None and now["externalId"] != was["externalId"]
            yield {**_effect(restore, kind, now), "changed_hands": changed_hands}


def _effect(restore: Restore, kind: str, record: Mapping[str, Any]) -> Entry:
    return {
        "seq": restore.seq,
        "at": restore.at,
        "kind": "effect",
        "effect": kind,
        "request": None,
        "call": RESTORE,
        "user_id": record["userId"],
        "username": record["username"],
        "external_id": record["externalId"],
        "version": record["version"],
        "idempotency_key": None,
        "record": record,
    }
