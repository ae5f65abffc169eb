"""Ordinary JSON APIs: a collection of items, each under its own address."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, ClassVar
from urllib.parse import quote, unquote, urlencode, urlsplit

from django.core.exceptions import ImproperlyConfigured

from thirdparty.connectors.base import (
    Capabilities,
    Connector,
    Page,
    Payload,
    RemoteObject,
    RemoteRecord,
    fields_of,
)
from thirdparty.connectors.config import TargetConfig
from thirdparty.connectors.errors import (
    AlreadyExists,
    CapabilityMissing,
    NotFound,
    Transient,
)
from thirdparty.connectors.http.body import json_of
from thirdparty.connectors.http.session import Answer
from thirdparty.connectors.http.statuses import Meaning, meaning
from thirdparty.connectors.identity import has_key, same_external_id, same_remote_id
from thirdparty.connectors.options import Option
from thirdparty.connectors.rest.auth import Auth, Bearer
from thirdparty.connectors.rest.listing import Listing, unreadable
from thirdparty.connectors.rest.wire import Wire
from thirdparty.connectors.values import id_or_none, storable, storable_json


class RestConnector(Connector):
    """Subclass it for a partner; the attributes say what the partner's pages say, `encode` and `decode` the rest.

    ``collection``: the path of the collection, or one for each kind. ``key_field``: the field of the natural key, or one
    for each kind; empty where there is none. ``external_id_field``: where the partner keeps our id. Both fields are
    asked for as query parameters of the same name (`lookup`).
    ``update_method``: PUT, or PATCH where the partner keeps what it is not sent.
    ``inactive``: the fields of an item that is deactivated, as ``{"active": False}``, and ``active``: the same fields of one
    that is not, which go with each add and update whose payload does not name them. With an ``update_method`` of PATCH,
    items can be deactivated then.
    ``conditional``: read the item before each update and send its ``ETag`` as ``If-Match``, within one deadline; for
    partners that ask for it (428), or that others write to as well.
    """

    collection: str | Mapping[str, str]
    id_field: str = "id"
    external_id_field: str = "external_id"
    key_field: str | Mapping[str, str] = ""
    update_method: str = "PUT"
    active: ClassVar[Mapping[str, Any]] = {}
    conditional: ClassVar[bool] = False
    media_type: ClassVar[str] = "application/json"
    auth: ClassVar[Auth] = Bearer()
    listing: Listing = Listing()

    supports = Capabilities(query=True, list=True, idempotency=True, rename=True)
    capabilities = Capabilities(query=True, list=True)

    def __init__(self, config: TargetConfig, kind: str, *, clock: Callable[[], float] = time.time) -> None:
        super().__init__(config, kind)
        self._require_usable()
        self._credentials = self.auth.headers(config.options)
        headers = {"Accept": f"{self.media_type}, application/problem+json", **self._credentials}
        self._wire = Wire(config, headers=headers, media_type=self.media_type, clock=clock)

    @classmethod
    def declared_options(cls) -> tuple[Option, ...]:
        return (*cls.auth.options, *cls.options)

    def keeps_keys(self) -> bool:
        return bool(self.of_kind(self.key_field))

    def secrets(self) -> tuple[str, ...]:
        return (*super().secrets(), *self._credentials.values())

    # -- what a partner may say otherwise -------------------------------------------------

    def encode(self, obj: RemoteObject) -> Mapping[str, Any]:
        """The body of an add or an update. The payload is empty where the object is gone (`Connector.add`)."""
        ours = {self.external_id_field: obj.external_id, self.of_kind(self.key_field): obj.key}
        # A PUT leaves out what is not to be there any more; a PATCH has to say so (RFC 7396).
        emptied = dict.fromkeys(obj.dropped) if self.update_method == "PATCH" else {}
        held = {**self.active, **emptied, **fields_of(obj.payload)}
        return held | {field: value for field, value in ours.items() if field}

    def decode(self, item: Mapping[str, Any]) -> RemoteRecord:
        """One item as the partner holds it. Raises `OutcomeUnknown` where it has no id."""
        remote_id = id_or_none(item.get(self.id_field))
        if remote_id is None:
            raise unreadable(f"an item in the answer has no {self.id_field}")
        key_field = self.of_kind(self.key_field)
        return RemoteRecord(
            remote_id=remote_id,
            external_id=storable(str(item.get(self.external_id_field) or "")),
            key=storable(str(item.get(key_field) or "")) if key_field else None,
            payload=storable_json(dict(item)),
        )

    def lookup(self, field: str, value: str) -> Mapping[str, str]:
        """The query parameters that look items up by a field."""
        return {field: value}

    def item_path(self, remote_id: str) -> str:
        """Where one item is, below the base address."""
        return f"{self.of_kind(self.collection)}/{quote(remote_id, safe='')}"

    def is_taken(self, status: int, body: Any) -> bool:  # noqa: ARG002  # for those whose status does not tell
        """Whether a refused add, or an update that gives an item another natural key, met an item of the same one."""
        return meaning(status) is Meaning.CONFLICT

    def of_kind(self, value: str | Mapping[str, str]) -> str:
        """An attribute that may be one for each kind. Raises `ImproperlyConfigured` where this kind has none."""
        if isinstance(value, str):
            return value
        if self.kind not in value:
            raise ImproperlyConfigured(
                f"{type(self).__module__}.{type(self).__qualname__}, the connector of target {self.config.name}, "
                f"says nothing of {self.kind}: it names {', '.join(value)}"
            )
        return value[self.kind]

    def _require_usable(self) -> None:
        self.of_kind(self.collection)
        self.of_kind(self.key_field)
        if self.can_deactivate() and self.active.keys() != self.inactive.keys():
            raise ImproperlyConfigured(
                f"{type(self).__module__}.{type(self).__qualname__}, the connector of target {self.config.name}: `active` has "
                f"to name the fields of `inactive` ({', '.join(self.inactive)}), or whoever comes back stays inactive"
            )
        if self.capabilities.query and not self.external_id_field:
            raise ImproperlyConfigured(
                f"TARGET_{self.config.name.upper()}_CAPABILITIES: without an external_id_field nobody can tell whose "
                "record a look-up finds; leave query out (none, for nothing at all)"
            )

    # -- the calls ------------------------------------------------------------------------

    def add(self, obj: RemoteObject, *, version: int, idempotency_key: str) -> str:  # noqa: ARG002  # it supports no versions
        """Create the item; its id is that of the body, or the last part of ``Location``."""
        headers = {"Idempotency-Key": idempotency_key} if self.capabilities.idempotency else {}
        answer = self._wire.ask("POST", self.of_kind(self.collection), body=self.encode(obj), headers=headers)
        if meaning(answer.status) is Meaning.DONE:
            remote_id = self._id_in(answer)
            if remote_id is None:
                raise unreadable("the target made an item and names no id")
            return remote_id
        if self.is_taken(answer.status, json_of(answer)):
            raise AlreadyExists(self._id_in(answer))
        # There is no item yet that could be absent: the collection is.
        absent = meaning(answer.status) is Meaning.ABSENT
        raise self._wire.failure(answer, as_meaning=Meaning.NOT_OFFERED if absent else None)

    @classmethod
    def can_deactivate(cls) -> bool:
        """Where the partner keeps what it is not sent: nobody can say the whole of an item whose object is gone."""
        return bool(cls.inactive) and cls.update_method == "PATCH"

    def comparable(self, payload: Payload) -> Mapping[str, Any]:
        """With the fields of an active item, where the payload does not name them."""
        return {**self.active, **fields_of(payload)}

    def update(self, remote_id: str, obj: RemoteObject, *, version: int) -> None:  # noqa: ARG002  # it supports no versions
        """Make the item hold these values."""
        answer = self._change(remote_id, self.encode(obj))
        refused = meaning(answer.status) is not Meaning.DONE
        if refused and self.capabilities.rename and self.is_taken(answer.status, json_of(answer)):
            raise AlreadyExists(None)
        self._wire.require_done(answer)

    def deactivate(self, remote_id: str, *, version: int) -> None:  # noqa: ARG002  # as above
        """Give the item its `inactive` fields."""
        if not self.can_deactivate():
            raise CapabilityMissing("deactivate")
        self._wire.require_done(self._change(remote_id, self.inactive))

    def _change(self, remote_id: str, body: Mapping[str, Any]) -> Answer:
        until = time.monotonic() + self.config.timeout_seconds
        path = self.item_path(remote_id)
        headers = {}
        if self.conditional:
            tag = self._wire.read(path, "query", lambda present: present.headers.get("ETag"))
            headers = {"If-Match": tag} if tag else {}
        left_seconds = until - time.monotonic()
        if left_seconds <= 0:
            raise Transient("timeout", "reading the item took all of the time; nothing was sent")
        return self._wire.ask(self.update_method, path, body=body, headers=headers, timeout_seconds=left_seconds)

    def delete(self, remote_id: str) -> None:
        """Remove the item."""
        self._wire.require_done(self._wire.ask("DELETE", self.item_path(remote_id)))

    def find(
        self, *, remote_id: str | None = None, external_id: str | None = None, key: str | None = None
    ) -> RemoteRecord | None:
        """Look one item up by exactly one of the three; None when there is none, or items have no natural key."""
        if [remote_id, external_id, key].count(None) != 2:  # noqa: PLR2004  # of three
            raise TypeError("find() takes exactly one of remote_id, external_id and key")
        if not self.capabilities.query:
            raise CapabilityMissing("query")
        if remote_id is not None:
            return self._item(remote_id)
        if external_id is not None:
            return self._one_of(
                self.external_id_field, external_id, lambda found: same_external_id(found.external_id, external_id)
            )
        key_field, wanted = self.of_kind(self.key_field), key or ""
        if not self.keeps_keys():
            return None
        return self._one_of(key_field, wanted, lambda found: has_key(found.key, wanted))

    def page(self, cursor: str | None, *, limit: int) -> Page:
        """One page of all items, as `listing` says."""
        if not self.capabilities.list:
            raise CapabilityMissing("list")

        def read(answer: Answer) -> Page:
            body = json_of(answer)
            items = self.listing.items(body)
            return Page(tuple(map(self.decode, items)), self.listing.following(body, items, cursor))

        return self._wire.read(
            self._collection(self.listing.asked(cursor, limit)), "list", read, absent=Meaning.NOT_OFFERED
        )

    def close(self) -> None:
        """Close pooled connections."""
        self._wire.close()

    # -- reading --------------------------------------------------------------------------

    def _item(self, remote_id: str) -> RemoteRecord | None:
        def read(answer: Answer) -> RemoteRecord:
            found = self.decode(_object(json_of(answer)))
            if not same_remote_id(found.remote_id, remote_id):
                raise unreadable("the target answered with another item")
            return found

        try:
            return self._wire.read(self.item_path(remote_id), "query", read)
        except NotFound:
            return None

    def _one_of(self, field: str, value: str, fits: Callable[[RemoteRecord], bool]) -> RemoteRecord | None:
        def read(answer: Answer) -> RemoteRecord | None:
            found = [self.decode(item) for item in self.listing.items(json_of(answer))]
            fitting = next(filter(fits, found), None)
            # A target that ignores a parameter it does not know answers with just anybody.
            if fitting is None and found:
                raise unreadable(f"the target answered with items of another {field}")
            return fitting

        return self._wire.read(self._collection(self.lookup(field, value)), "query", read, absent=Meaning.NOT_OFFERED)

    def _collection(self, parameters: Mapping[str, str]) -> str:
        path = self.of_kind(self.collection)
        return f"{path}?{urlencode(parameters)}" if parameters else path

    def _id_in(self, answer: Answer) -> str | None:
        body = json_of(answer)
        told = id_or_none(body.get(self.id_field)) if isinstance(body, dict) else None
        if told is None and (location := answer.headers.get("Location")):
            told = id_or_none(unquote(urlsplit(location).path.rstrip("/").rpartition("/")[2]))
        return told


def _object(body: Any) -> Mapping[str, Any]:
    if not isinstance(body, dict):
        raise unreadable("the answer is no JSON object")
    return body
