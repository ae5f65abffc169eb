"""The third party's own ledger, read as what happened to each of our records. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.chaos.run.witness import Content

WRITES = ("add", "update", "delete")
RESTORE = "restore"
"""The call of what a restore changed, as `archive` tells it."""


@dataclass(frozen=True, slots=True)
class Write:
    """A write request as it arrived. Times in unix seconds; ``answered_at`` None where nobody heard an answer."""

    seq: int
    call: str
    at: float
    answered_at: float | None
    key: str | None
    fault: str | None


@dataclass(frozen=True, slots=True)
class Effect:
    """Something that took effect; ``content`` is what the record then held, None for a removal. ``restored``: by a restore.

    ``was_theirs``: the record was the third party's own, without an external id, before anybody here took it over.
    """

    seq: int
    request: int | None
    at: float
    user_id: str
    content: Content | None
    version: int | None
    restored: bool = False
    was_theirs: bool = False

    @property
    def is_foreign(self) -> bool:
        """Whether it is no request of ours that this came of, or one of another record."""
        return self.request is None


class Ledger:
    """``writes`` and ``effects`` by external id, oldest first.

    ``ids_return``: an id may be given to another record later, so that a request which names nothing else, as a delete
    does, is for nobody in particular.
    """

    def __init__(self, entries: Iterable[Mapping[str, Any]], *, ids_return: bool = False) -> None:
        self.entries = sorted(entries, key=lambda entry: entry["seq"])
        self.writes: dict[str, list[Write]] = defaultdict(list)
        self.effects: dict[str, list[Effect]] = defaultdict(list)
        self._ids_return = ids_return
        self._owners: dict[str, str] = {}
        self._theirs: set[str] = set()
        for entry in self.entries:
            if entry["kind"] == "effect":
                self._effect(entry)
            elif entry["kind"] == "request" and entry["call"] in WRITES:
                self._write(entry)
        for writes in self.writes.values():
            writes.sort(key=lambda write: write.at)

    def of(self, external_id: str) -> list[Mapping[str, Any]]:
        """Every entry about this record."""
        return [entry for entry in self.entries if external_id in (entry["external_id"], self._owner(entry))]

    def doubled_ever(self) -> list[str]:
        """External ids of which two records lived at the same time, be it for a moment."""
        ours = ((external_id, effects) for external_id, effects in self.effects.items() if external_id)
        return [external_id for external_id, effects in ours if _most_at_once(effects) > 1]

    def used_again(self) -> int:
        """How often an id was given to a new record that another one had before."""
        created = Counter(e["user_id"] for e in self.entries if e["kind"] == "effect" and e["effect"] == "created")
        return created.total() - len(created)

    def _owner(self, entry: Mapping[str, Any]) -> str | None:
        return self._owners.get(entry["user_id"] or "")

    def _effect(self, entry: Mapping[str, Any]) -> None:
        held = entry["record"]
        gone = entry["effect"] == "deleted"
        content = None if gone else Content(held["name"], held["phone"], held["email"], tuple(sorted(held["roleIds"])))
        if gone:
            self._theirs.discard(entry["user_id"])
        elif not entry["external_id"]:
            self._theirs.add(entry["user_id"])
        before = self._owners.get(entry["user_id"])
        if before not in (None, entry["external_id"]):
            self.effects[str(before)].append(Effect(entry["seq"], None, entry["at"], entry["user_id"], None, None))
        self._owners[entry["user_id"]] = entry["external_id"]
        self.effects[entry["external_id"]].append(
            Effect(
                entry["seq"],
                entry["request"],
                entry["at"],
                entry["user_id"],
                content,
                entry["version"],
                restored=entry.get("call") == RESTORE,
                was_theirs=entry["user_id"] in self._theirs,
            )
        )

    def _write(self, entry: Mapping[str, Any]) -> None:
        external_id = entry["external_id"] or self._owner(entry) or ""
        if self._ids_return and entry["call"] == "delete":
            external_id = ""
        self.writes[external_id].append(
            Write(
                entry["seq"],
                entry["call"],
                entry["at"],
                entry["answered_at"],
                entry["idempotency_key"],
                entry["fault"],
            )
        )


def _most_at_once(effects: list[Effect]) -> int:
    living: set[str] = set()
    most = 0
    for effect in effects:
        if effect.content is None:
            living.discard(effect.user_id)
        else:
            living.add(effect.user_id)
        most = max(most, len(living))
    return most
