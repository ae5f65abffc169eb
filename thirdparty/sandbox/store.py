"""The records that the third party holds and its business rules; no network, no clock, no file."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from thirdparty.sandbox.record import Record

CAPABILITIES = ("query", "list", "idempotency", "versions")
WRITES = ("add", "update", "delete")
CALLS = (*WRITES, "query", "list")
KEY_LIFETIME_SECONDS = 24 * 3600
DEFAULT_PAGE = 100
_ALTERED = ("name", "phone", "email")


@dataclass(frozen=True, slots=True)
class Rules:
    """What this third party offers: any of `CAPABILITIES`; whether a username is unique; whether the id of a record
    that was deleted is given to the next new one; whether it keeps something else than it is given, and says ``ok``: texts
    without the spaces around them, e-mail addresses in lower case.
    """

    capabilities: frozenset[str] = frozenset(CAPABILITIES)
    unique_usernames: bool = True
    reuse_ids: bool = False
    alters_values: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """A business call whose ``fields`` were checked already; ``key`` is its idempotency key."""

    name: str
    fields: Mapping[str, Any]
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What the business layer says."""

    status: str
    data: Any = None
    message: str = ""


@dataclass(frozen=True, slots=True)
class Effect:
    """``created``, ``updated`` or ``deleted``, with the resulting record (the removed one for ``deleted``)."""

    kind: str
    record: Record


@dataclass(frozen=True, slots=True)
class Outcome:
    """The answer to a call, what it changed, and whether the answer was kept under the call's key."""

    answer: Answer
    effect: Effect | None = None
    kept: bool = False


@dataclass(frozen=True, slots=True)
class Backup:
    """Everything that a store held once, its counter of ids included."""

    records: tuple[Record, ...] = ()
    last_number: int = 0
    kept: tuple[tuple[str, tuple[float, Answer]], ...] = ()


class UsernameUsed(ValueError):
    """Another record has this username and usernames are unique."""


class _Index:
    """Ids by a value that need not be unique; who had a value first answers for it. Empty values are not indexed."""

    def __init__(self) -> None:
        self._ids: dict[str, list[str]] = {}

    def move(self, user_id: str, *, before: str, after: str) -> None:
        if before == after:
            return
        if before:
            ids = self._ids[before]
            ids.remove(user_id)
            if not ids:
                del self._ids[before]
        if after:
            self._ids.setdefault(after, []).append(user_id)

    def first(self, value: str) -> str | None:
        ids = self._ids.get(value)
        return ids[0] if ids else None


class Store:
    """All records. Remote ids are ``r1``, ``r2`` …, used again only by rule, or where the
    store begins with a ``backup``: ids given out since are then given out again.
    """

    def __init__(self, rules: Rules, backup: Backup = Backup()) -> None:
        self.rules = rules
        self._freed: list[int] = []
        self._records: dict[str, Record] = {}
        self._usernames = _Index()
        self._external_ids = _Index()
        self._last_number = backup.last_number
        self._kept: dict[str, tuple[float, Answer]] = dict(backup.kept)
        for record in backup.records:
            self.put(Effect("created", record))

    def __len__(self) -> int:
        return len(self._records)

    def __iter__(self) -> Iterator[Record]:
        return iter(self._records.values())

    def get(self, user_id: str) -> Record | None:
        """The record of this id, or None."""
        return self._records.get(user_id)

    def perform(self, call: Call, *, now: float) -> Outcome:
        """Apply the call once. A key seen within 24 hours of ``now`` (unix seconds) gives its first answer again."""
        key = call.key if call.name in WRITES and "idempotency" in self.rules.capabilities else None
        if key is None:
            return self._perform(call)
        kept = self._kept.get(key)
        if kept and now - kept[0] < KEY_LIFETIME_SECONDS:
            return Outcome(kept[1])
        outcome = self._perform(call)
        self.keep(key, outcome.answer, at=now)
        return replace(outcome, kept=True)

    def keep(self, key: str, answer: Answer, *, at: float) -> None:
        """Remember the first answer given under this key."""
        self._kept[key] = (at, answer)

    def create(self, fields: Mapping[str, Any]) -> Effect:
        """Create a record. Raises `UsernameUsed`."""
        self._check_username(fields["username"], user_id=None)
        record = Record(f"r{self._next_number()}", "").changed(fields)
        return self.put(Effect("created", record))

    def edit(self, record: Record, fields: Mapping[str, Any]) -> Effect:
        """Change a held record. Raises `UsernameUsed`."""
        self._check_username(fields.get("username", record.username), user_id=record.user_id)
        return self.put(Effect("updated", record.changed(fields)))

    def remove(self, record: Record) -> Effect:
        """Remove a held record."""
        return self.put(Effect("deleted", record))

    def put(self, effect: Effect) -> Effect:
        """Let the effect happen, unconditionally, and return it; replaying all effects gives the same records."""
        record = effect.record
        absent = Record(record.user_id, "")
        before = self._records.get(record.user_id, absent)
        if effect.kind == "deleted":
            after = absent
            del self._records[record.user_id]
            heapq.heappush(self._freed, int(record.user_id[1:]))
        else:
            after = self._records[record.user_id] = record
        self._usernames.move(record.user_id, before=before.username, after=after.username)
        self._external_ids.move(record.user_id, before=before.external_id, after=after.external_id)
        self._last_number = max(self._last_number, int(record.user_id[1:]))
        return effect

    def backup(self) -> Backup:
        """What is held now."""
        return Backup(tuple(self._records.values()), self._last_number, tuple(self._kept.items()))

    def _next_number(self) -> int:
        while self.rules.reuse_ids and self._freed:
            number = heapq.heappop(self._freed)
            if f"r{number}" not in self._records:
                return number
        return self._last_number + 1

    def _perform(self, call: Call) -> Outcome:
        match call.name:
            case "add":
                return self._add(call.fields)
            case "update":
                return self._update(call.fields)
            case "delete":
                return self._delete(call.fields)
            case "query":
                return self._query(call.fields)
            case _:
                return self._list(call.fields)

    def _add(self, fields: Mapping[str, Any]) -> Outcome:
        existing = self._usernames.first(fields["username"])
        if existing and self.rules.unique_usernames:
            return Outcome(Answer("user_exists", existing, "this username is registered"))
        effect = self.create(self._kept_of(fields))
        return Outcome(Answer("ok", effect.record.user_id), effect)

    def _update(self, fields: Mapping[str, Any]) -> Outcome:
        record = self._records.get(fields["userId"])
        if record is None:
            return _not_found()
        fields = self._versioned(fields)
        if "version" in fields and record.version is not None and fields["version"] <= record.version:
            return Outcome(Answer("stale", None, f"version {record.version} is stored"))
        return Outcome(Answer("ok", record.user_id), self.edit(record, self._kept_of(fields)))

    def _delete(self, fields: Mapping[str, Any]) -> Outcome:
        record = self._records.get(fields["userId"])
        return Outcome(Answer("ok"), self.remove(record)) if record else _not_found()

    def _query(self, fields: Mapping[str, Any]) -> Outcome:
        if "userId" in fields:
            user_id = fields["userId"]
        elif "username" in fields:
            user_id = self._usernames.first(fields["username"])
        else:
            user_id = self._external_ids.first(fields["externalId"])
        record = self._records.get(user_id) if user_id else None
        return Outcome(Answer("ok", record.wire())) if record else _not_found()

    def _list(self, fields: Mapping[str, Any]) -> Outcome:
        limit = fields.get("limit", DEFAULT_PAGE)
        seen = int((fields.get("cursor") or "r0")[1:])
        held = (self._records.get(f"r{number}") for number in range(seen + 1, self._last_number + 1))
        page = list(islice(filter(None, held), limit + 1))
        following = page[limit - 1].user_id if len(page) > limit else None
        return Outcome(Answer("ok", {"users": [record.wire() for record in page[:limit]], "next": following}))

    def _versioned(self, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        if "versions" in self.rules.capabilities:
            return fields
        return {word: value for word, value in fields.items() if word != "version"}

    def _kept_of(self, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        fields = self._versioned(fields)
        if not self.rules.alters_values:
            return fields
        altered = {word: fields[word].strip() for word in _ALTERED if word in fields}
        if "email" in altered:
            altered["email"] = altered["email"].lower()
        return {**fields, **altered}

    def _check_username(self, username: str, *, user_id: str | None) -> None:
        holder = self._usernames.first(username)
        if self.rules.unique_usernames and holder not in (None, user_id):
            raise UsernameUsed(f"the username {username!r} is used by {holder}")


def _not_found() -> Outcome:
    return Outcome(Answer("user_not_found", None, "no such user"))
