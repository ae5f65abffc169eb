"""A REST partner to run a connector against: it keeps items, and does wrong what a test tells it to."""

from __future__ import annotations

import itertools
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from thirdparty.testing.server import Reply, Request, serving


@dataclass
class FakeRestTarget:
    """Any path of one part is a collection; items are JSON objects, under ids that it gives out.

    ``key_field``: no two items of a collection have the same one; empty where items have no natural key. ``id_in_location``: the answer to a POST has no body.
    ``items_field``, ``next_field``, ``cursor_parameter``, ``limit_parameter``: as in `thirdparty.connectors.rest.listing.Listing`;
    other parameters are fields that items are looked up by, and one that no item has is refused.
    ``etags``: an update has to carry the item's ``ETag``. ``page_size``: the most items of a page.
    ``compares_bodies``: an idempotency key that comes again with another body is refused.
    ``ignores_cursor``: whatever page is asked for, it gives the first.
    ``items``: collection → id → item, to be looked at and changed behind a connector's back.
    ``requests``: everything that was asked, in order.
    """

    key_field: str = "number"
    external_id_field: str = "external_id"
    id_in_location: bool = False
    etags: bool = False
    compares_bodies: bool = False
    ignores_cursor: bool = False
    page_size: int = 100
    items_field: str = ""
    next_field: str = ""
    cursor_parameter: str = "page"
    limit_parameter: str = "limit"
    items: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    _instead: deque[Reply] = field(default_factory=deque)
    _after: deque[Reply] = field(default_factory=deque)
    _by_idempotency_key: dict[str, tuple[Any, Reply]] = field(default_factory=dict)
    _ids: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def running(self) -> Iterator[str]:
        """Serve until the block ends; gives the base address."""
        with serving(self.respond) as url:
            yield url

    # -- faults ---------------------------------------------------------------------------

    def answer_instead(self, *replies: Reply) -> None:
        """The next requests change nothing and get these answers."""
        self._instead.extend(replies)

    def lose_next_answer(self) -> None:
        """The next request is carried out, and its answer never sent."""
        self._after.append(Reply(lost=True))

    def cut_next_answer(self) -> None:
        """The next request is carried out, and its answer ends half-way."""
        self._after.append(Reply(cut=True))

    # -- what it does ---------------------------------------------------------------------

    def respond(self, request: Request) -> Reply:
        """Answer one request."""
        with self._lock:
            self.requests.append(request)
            if self._instead:
                return self._instead.popleft()
            reply = self._carried_out(request)
            if self._after:
                fault = self._after.popleft()
                return replace(reply, lost=fault.lost, cut=fault.cut)
            return reply

    def _carried_out(self, request: Request) -> Reply:
        parts = urlsplit(request.path)
        collection, _, remote_id = parts.path.strip("/").partition("/")
        items = self.items.setdefault(collection, {})
        if remote_id:
            return self._on_item(request, items, unquote(remote_id))
        if request.method == "POST":
            return self._added(request, collection, items)
        if request.method == "GET":
            return self._listed(items, dict(parse_qsl(parts.query)))
        return Reply(405)

    def _added(self, request: Request, collection: str, items: dict[str, dict[str, Any]]) -> Reply:
        key = request.headers.get("idempotency-key")
        item = request.json()
        if key in self._by_idempotency_key:
            before, reply = self._by_idempotency_key[key]
            compared = self.compares_bodies and item != before
            return Reply(422, {"detail": "this key was used for another body"}) if compared else reply
        if holder := self._holder(items, item):
            return Reply(409, {"title": "Conflict", "detail": f"{self.key_field} is taken", "id": holder})
        remote_id = str(next(self._ids))
        items[remote_id] = {**item, "id": remote_id}
        headers = {"Location": f"/{collection}/{remote_id}"} if self.id_in_location else {}
        reply = Reply(201, None if self.id_in_location else items[remote_id], headers)
        if key is not None:
            self._by_idempotency_key[key] = (item, reply)
        return reply

    def _on_item(self, request: Request, items: dict[str, dict[str, Any]], remote_id: str) -> Reply:
        item = items.get(remote_id)
        if item is None:
            return Reply(404, {"title": "Not Found"})
        match request.method:
            case "GET":
                return Reply(200, item, {"ETag": _etag(item)} if self.etags else {})
            case "DELETE":
                del items[remote_id]
                return Reply(204)
            case "PUT" | "PATCH":
                if self.etags and request.headers.get("if-match") != _etag(item):
                    return Reply(412 if "if-match" in request.headers else 428)
                kept = item if request.method == "PATCH" else {}
                changed = {**kept, **request.json(), "id": remote_id}
                if self._holder(items, changed) not in (None, remote_id):
                    return Reply(409, {"title": "Conflict", "detail": f"{self.key_field} is taken"})
                items[remote_id] = changed
                return Reply(200, changed)
            case _:
                return Reply(405)

    def _listed(self, items: dict[str, dict[str, Any]], asked: dict[str, str]) -> Reply:
        told = int(asked.pop(self.cursor_parameter, 1))
        page = 1 if self.ignores_cursor else told
        limit = min(int(asked.pop(self.limit_parameter, self.page_size)), self.page_size)
        known = {self.key_field, self.external_id_field, *(name for item in items.values() for name in item)}
        if strange := sorted(asked.keys() - known):
            # Answered with nothing, a wrong name of a parameter would look like an empty collection.
            return Reply(400, {"detail": f"no item has {', '.join(strange)}, nor is a page asked for by it"})
        found = [item for item in items.values() if all(str(item.get(name)) == value for name, value in asked.items())]
        shown = found[(page - 1) * limit : page * limit]
        if not self.items_field:
            return Reply(200, shown)
        following = {self.next_field: str(page + 1) if found[page * limit :] else None} if self.next_field else {}
        return Reply(200, {self.items_field: shown, **following})

    def _holder(self, items: dict[str, dict[str, Any]], item: dict[str, Any]) -> str | None:
        key = item.get(self.key_field)
        holders = [held_id for held_id, held in items.items() if key and held.get(self.key_field) == key]
        return next((each for each in holders if each != item.get("id")), next(iter(holders), None))


def _etag(item: dict[str, Any]) -> str:
    return f'"{abs(hash(repr(sorted(item.items()))))}"'
