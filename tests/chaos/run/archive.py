"""What a third party was told before it was restored from a backup, which it does not know any more itself."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Entry = dict[str, Any]


@dataclass(slots=True)
class Archive:
    """``past``: every entry up to the last restore, in one numbering. ``kept``: the last number that the third
    party itself still knows. ``revived``: external ids that the last restore brought back.
    """

    past: list[Entry] = field(default_factory=list)
    kept: int = 0
    revived: set[str] = field(default_factory=set)

    def whole(self, entries: Iterable[Mapping[str, Any]]) -> list[Entry]:
        """The ledger as it would be, had nothing ever been restored, and each restore as what it changed."""
        if not self.past:
            return [dict(entry) for entry in entries]
        shift = self.past[-1]["seq"] - self.kept
        return [*self.past, *(_moved(entry, shift, self.kept) for entry in entries if entry["seq"] > self.kept)]

    def restore(self, state: Path, length: int, *, at: float) -> None:
        """Cut the state file of a third party that is down to what it was when it had so many bytes."""
        before = self.whole(_entries(state.read_bytes()))
        with state.open("r+b") as file:
            file.truncate(length)
        kept = _entries(state.read_bytes())
        held_before, held_now = _held(before), _held(self.whole(kept))
        seq = before[-1]["seq"] if before else 0
        for user_id in sorted(held_before.keys() | held_now.keys()):
            was, now = held_before.get(user_id), held_now.get(user_id)
            if was == now:
                continue
            if was is not None and (now is None or now["externalId"] != was["externalId"]):
                before.append(_effect(seq := seq + 1, at, "deleted", was))
            if now is not None:
                before.append(_effect(seq := seq + 1, at, "updated", now))
        ours_before = {record["externalId"] for record in held_before.values()}
        self.revived = {record["externalId"] for record in held_now.values()} - ours_before
        self.past, self.kept = before, kept[-1]["seq"] if kept else 0


def _entries(journal: bytes) -> list[Entry]:
    """The ledger's entries of a journal (`thirdparty.sandbox.journal`), each as it was written last."""
    found: dict[int, Entry] = {}
    for event in _events(journal):
        if event["kind"] in ("request", "effect"):
            found[event["seq"]] = event
    return [found[seq] for seq in sorted(found)]


def _events(journal: bytes) -> Iterator[Entry]:
    for line in journal.splitlines(keepends=True):
        if line.endswith(b"\n"):
            yield from json.loads(line)


def _held(entries: Iterable[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    held = {}
    for entry in entries:
        if entry["kind"] == "effect":
            held[entry["user_id"]] = entry["record"]
            if entry["effect"] == "deleted":
                del held[entry["user_id"]]
    return held


def _moved(entry: Mapping[str, Any], shift: int, kept: int) -> Entry:
    moved = {**entry, "seq": entry["seq"] + shift}
    if (entry.get("request") or 0) > kept:
        moved["request"] = entry["request"] + shift
    return moved


def _effect(seq: int, at: float, kind: str, record: Mapping[str, Any]) -> Entry:
    return {
        "seq": seq,
        "at": at,
        "kind": "effect",
        "effect": kind,
        "request": None,
        "call": "restore",
        "user_id": record["userId"],
        "username": record["username"],
        "external_id": record["externalId"],
        "version": record["version"],
        "idempotency_key": None,
        "record": record,
    }
