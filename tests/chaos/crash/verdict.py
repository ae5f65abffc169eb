"""Holds the records of a batch against the objects, the third party and its ledger, once all is at rest."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.crash.cases import NOT_REACHED, Case, Result
from tests.chaos.crash.order import Hit
from tests.chaos.crash.uses import current_use
from tests.chaos.crash.uses.use import AFTER, BEFORE, WHILE_FROZEN, Held
from thirdparty.models import Attempt, Record
from thirdparty.models.record import State

AT_REST = (State.SYNCED, State.DELETED)
_WRITES = ("add", "update", "delete")
_CLOCK_SECONDS = 0.02
"""One machine, one clock; SQLite's has milliseconds."""


@dataclass(slots=True, eq=False)
class Subject:
    """The object of one case, and what has happened so far. ``key``: of the record that crashes. Times are monotonic."""

    case: Case
    word: str
    key: str
    external_ids: Mapping[str, str]
    hit: Hit | None = None
    written_at: float = 0.0
    hit_at: float = 0.0
    found_at: float = 0.0
    edited: bool = False
    thawed: bool = False
    moved_at: float = 0.0

    @property
    def wanted(self) -> str | None:
        """What the object ends with; None where it is to be gone."""
        if self.case.is_rolled_back:
            return None if self.case.operation == "add" else BEFORE
        if self.case.operation == "delete":
            return None
        return WHILE_FROZEN if self.edited else AFTER


@dataclass(slots=True)
class Ledger:
    """What the third party has seen, by external id."""

    requests: dict[str, list[Mapping[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    effects: dict[str, list[Mapping[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    owners: dict[str, str] = field(default_factory=dict)

    def read(self, entries: Sequence[Mapping[str, Any]]) -> None:
        for entry in entries:
            if entry["kind"] == "effect":
                self.owners[entry["user_id"]] = entry["external_id"]
                self.effects[entry["external_id"]].append(entry)
        for entry in entries:
            if entry["kind"] == "request" and entry["call"] in _WRITES:
                owner = entry["external_id"] or self.owners.get(entry["user_id"] or "", "")
                self.requests[owner].append(entry)


def judge(subjects: Sequence[Subject], sandbox: Any) -> list[Result]:
    """The results, in the same order. Those whose turn to be written never came have not reached their crash points."""
    ledger = Ledger()
    ledger.read(sandbox.ledger())
    held = current_use().held(sandbox)
    return [
        Result(
            each.case,
            round(max(each.moved_at - each.written_at, 0.0), 1) if each.written_at else 0.0,
            tuple(_problems(each, ledger, held)) if each.written_at else (NOT_REACHED,),
        )
        for each in subjects
    ]


def _problems(subject: Subject, ledger: Ledger, held: Held) -> list[str]:
    found = [*_reached(subject), *current_use().problems(subject.word, subject.wanted, held)]
    for key, external_id in subject.external_ids.items():
        found += [*_row(key, subject.wanted), *_doubled(ledger.effects[external_id])]
        found += _unannounced(key, ledger.requests[external_id])
        if subject.case.operation == "rename" and not current_use().replaces:
            remote_id = Record.objects.filter(key=key).values_list("remote_id", flat=True).first()
            found += moved(remote_id, ledger.effects[external_id])
    return found


def _reached(subject: Subject) -> Iterator[str]:
    if subject.hit is None:
        yield NOT_REACHED


def _row(key: str, wanted: str | None) -> Iterator[str]:
    row = Record.objects.filter(key=key).first()
    if row is None:
        if wanted is not None:
            yield f"there is no record {key}"
        return
    if row.state not in AT_REST:
        yield f"{key} is {row.state} {row.parked} ({row.last_error})"
    if row.synced_generation != row.generation or row.owed_since is not None:
        yield f"generation {row.generation} is wanted, {row.synced_generation} acknowledged, owed since {row.owed_since}"
    if row.former_key:
        yield f"{key} may still be known as {row.former_key!r}"
    for attempt in Attempt.objects.filter(record_id=key, finished_at=None):
        yield f"attempt {attempt.pk} ({attempt.call}) is left open"


def _doubled(effects: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    living: set[str] = set()
    for effect in effects:
        living.add(effect["user_id"])
        if effect["effect"] == "deleted":
            living.discard(effect["user_id"])
        if len(living) > 1:
            yield f"two remote records of one object after #{effect['seq']}"


def moved(remote_id: str | None, effects: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Whether an object whose row names this remote record has, or had, any other. Pure."""
    there = sorted({effect["user_id"] for effect in effects})
    if there != [remote_id]:
        yield f"the row names the remote record {remote_id}, and the object has had {', '.join(there) or 'none'}"
    created = sum(effect["effect"] == "created" for effect in effects)
    if created > 1:
        yield f"the object was created {created} times"


def _unannounced(key: str, requests: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    attempts = Attempt.objects.filter(record_id=key, call__in=_WRITES)
    started = sorted((attempt.call, attempt.started_at.timestamp()) for attempt in attempts)
    for call in _WRITES:
        before = [at for name, at in started if name == call]
        same = sorted((request["at"], request["seq"]) for request in requests if request["call"] == call)
        for number, (at, seq) in enumerate(same):
            # The n-th request needs n attempts that began before it.
            if number >= len(before) or before[number] > at + _CLOCK_SECONDS:
                yield f"request #{seq} ({call}) has no attempt of its own"
