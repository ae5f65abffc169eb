"""The ERP's memory: records, the answers given under an idempotency key, and a ledger of all that was applied."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from erp.catalogue import COLLECTIONS, Collection

Body = dict[str, Any]


class Refused(Exception):
    """The ERP does not do it; ``status`` is HTTP's word for why."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(status, detail)
        self.status = status
        self.detail = detail


@dataclass(slots=True)
class Kept:
    """A record as it stands. ``revision`` is its ETag."""

    id: str
    body: Body
    revision: int = 1

    def shown(self) -> Body:
        return {"id": self.id, **self.body}


@dataclass(slots=True)
class Books:
    """Every method is one step: no two requests are in here at once."""

    _kept: dict[str, dict[str, Kept]] = field(default_factory=lambda: {name: {} for name in COLLECTIONS})
    _answered: dict[str, tuple[str, Body, Kept]] = field(default_factory=dict)
    _ledger: list[Body] = field(default_factory=list)
    _last_id: int = 1000
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def create(self, collection: Collection, body: Body, *, idempotency_key: str | None) -> Kept:
        """A new record; under a key that was used before, the one that it made then.

        Raises `Refused` 409 where external id or key is taken, 422 for a wrong body or a key used for another one.
        """
        with self._lock:
            if idempotency_key in self._answered:
                asked, before, kept = self._answered[idempotency_key]
                if (asked, before) != (collection.name, body):
                    raise Refused(422, "this idempotency key was used for another request")
                return kept
            self._require_sound(collection, body)
            self._last_id += 1
            kept = Kept(f"{collection.name[0].upper()}{self._last_id}", dict(body))
            self._kept[collection.name][kept.id] = kept
            if idempotency_key:
                self._answered[idempotency_key] = (collection.name, dict(body), Kept(kept.id, dict(body)))
            self._enter("created", collection, kept)
            return kept

    def read(self, collection: Collection, record_id: str) -> Kept:
        """Raises `Refused` 404."""
        with self._lock:
            try:
                return self._kept[collection.name][record_id]
            except KeyError:
                raise Refused(404, f"{collection.name} has no {record_id}") from None

    def replace(self, collection: Collection, record_id: str, body: Body, *, if_match: int | None) -> Kept:
        """Make it hold these values. Raises `Refused` 404, 409, 412 where ``if_match`` is not its revision, 422."""
        with self._lock:
            kept = self.read(collection, record_id)
            if if_match is not None and if_match != kept.revision:
                raise Refused(412, f"{record_id} is at revision {kept.revision}")
            self._require_sound(collection, body, but_for=record_id)
            replaced = Kept(record_id, dict(body), kept.revision + 1)
            self._kept[collection.name][record_id] = replaced
            self._enter("replaced", collection, replaced)
            return replaced

    def remove(self, collection: Collection, record_id: str, *, if_match: int | None) -> None:
        """Raises `Refused` 404, 409 while another record names it, 412 where ``if_match`` is not its revision."""
        with self._lock:
            kept = self.read(collection, record_id)
            if if_match is not None and if_match != kept.revision:
                raise Refused(412, f"{record_id} is at revision {kept.revision}")
            for other in COLLECTIONS.values():
                for name, referred in other.references.items():
                    users = [each.id for each in self._kept[other.name].values() if each.body[name] == record_id]
                    if referred == collection.name and users:
                        raise Refused(409, f"{record_id} is named by {', '.join(users[:3])}")
            del self._kept[collection.name][record_id]
            self._enter("removed", collection, kept)

    def search(self, collection: Collection, wanted: Mapping[str, str], *, after: str, limit: int) -> list[Kept]:
        """Records whose fields have these values, in the order of their ids, from the one behind ``after`` on."""
        with self._lock:
            found = [
                kept
                for kept in self._kept[collection.name].values()
                if kept.id > after and all(str(kept.body.get(name, "")) == value for name, value in wanted.items())
            ]
            return sorted(found, key=lambda kept: kept.id)[:limit]

    def content(self) -> dict[str, list[Body]]:
        with self._lock:
            return {name: [each.shown() for each in kept.values()] for name, kept in self._kept.items()}

    def ledger(self) -> list[Body]:
        with self._lock:
            return list(self._ledger)

    def _require_sound(self, collection: Collection, body: Body, *, but_for: str = "") -> None:
        if wrong := collection.faults(body):
            raise Refused(422, "; ".join(wrong))
        for name, referred in collection.references.items():
            if body[name] not in self._kept[referred]:
                raise Refused(422, f"{name}: {referred} has no {body[name]}")
        for name in filter(None, ("external_id", collection.key)):
            taken = [
                each.id
                for each in self._kept[collection.name].values()
                if body.get(name) and each.body.get(name) == body[name] and each.id != but_for
            ]
            if taken:
                raise Refused(409, f"{name} is that of {taken[0]}")

    def _enter(self, did: str, collection: Collection, kept: Kept) -> None:
        self._ledger.append({"did": did, "collection": collection.name, **kept.shown()})
