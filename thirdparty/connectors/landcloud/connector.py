"""The connector of the legacy JSON contract (CONTRACT A): POST only, errors inside HTTP 200."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from thirdparty.connectors.base import Capabilities, Connector, fields_of
from thirdparty.connectors.errors import CapabilityMissing, NotFound, OutcomeUnknown, Transient
from thirdparty.connectors.http.session import HttpSession
from thirdparty.connectors.identity import has_key, same_external_id, same_remote_id
from thirdparty.connectors.landcloud.answer import (
    READS,
    Question,
    business_answer,
    page,
    record,
    unreadable,
)
from thirdparty.connectors.landcloud.settings import OPTIONS
from thirdparty.connectors.values import id_or_none

if TYPE_CHECKING:
    from thirdparty.connectors.base import Page, Payload, RemoteObject, RemoteRecord
    from thirdparty.connectors.config import TargetConfig

_Read = TypeVar("_Read")


class LandcloudConnector(Connector):
    """People, in the form that `users.synced` declares. A payload has ``name``, ``phone``, ``email`` and ``role_ids``.

    ``clock`` gives seconds since the epoch; only a ``Retry-After`` date is measured against it,
    and only in an answer without a ``Date`` of its own.
    """

    options = OPTIONS
    supports = Capabilities(query=True, list=True, idempotency=True, versions=True)

    def __init__(self, config: TargetConfig, kind: str, *, clock: Callable[[], float] = time.time) -> None:
        super().__init__(config, kind)
        self._http = HttpSession(config)
        self._paths = config.options["paths"]
        self._timeout_seconds = config.timeout_seconds
        self._token = _md5_hex(config.options["app_secret"])
        self._password = _md5_hex(config.options["default_password"])
        self._clock = clock

    def secrets(self) -> tuple[str, ...]:
        return (*super().secrets(), self._token, self._password)

    def add(self, obj: RemoteObject, *, version: int, idempotency_key: str) -> str:
        """Create the record, with the default password, and return its remote id.

        Raises `AlreadyExists` when the username is registered already, and `OutcomeUnknown` also
        when the target says ``ok`` without an id.
        """
        body = {"username": obj.key, "password": self._password, **_profile(obj), **self._versioned(version)}
        headers = {"Idempotency-Key": idempotency_key} if self.capabilities.idempotency else {}
        remote_id = id_or_none(self._ask("add", body, headers))
        if remote_id is None:
            raise unreadable("the target says ok but names no id")
        return remote_id

    def update(self, remote_id: str, obj: RemoteObject, *, version: int) -> None:
        """Make the record hold these values; username and password stay. Raises `NotFound`, `VersionConflict`."""
        self._ask("update", {"userId": remote_id, **_profile(obj), **self._versioned(version)})

    def delete(self, remote_id: str) -> None:
        """Remove the record. Raises `NotFound` when it is gone already."""
        self._ask("delete", {"userId": remote_id})

    def find(
        self, *, remote_id: str | None = None, external_id: str | None = None, key: str | None = None
    ) -> RemoteRecord | None:
        """Look one record up by exactly one of the three; None when the target holds none.

        Raises `CapabilityMissing` where the target cannot be queried, `Transient` for whatever
        else stands between us and an answer.
        """
        asked = {"userId": remote_id, "externalId": external_id, "username": key}
        body = {name: value for name, value in asked.items() if value is not None}
        if len(body) != 1:
            raise TypeError("find() takes exactly one of remote_id, external_id and key")
        try:
            return self._read("query", body, lambda data: self._record_asked_for(data, body))
        except NotFound:
            return None

    def page(self, cursor: str | None, *, limit: int) -> Page:
        """One page of all records. Raises `CapabilityMissing` where the target cannot list, else `Transient`."""
        return self._read(
            "list",
            {"cursor": cursor, "limit": limit},
            lambda data: page(data, cursor=cursor, versions=self.capabilities.versions),
        )

    def comparable(self, payload: Payload) -> Mapping[str, Any]:
        """Name, phone, e-mail and roles, in whatever order; an update changes neither username nor external id."""
        held = fields_of(payload)
        return {
            **{name: held.get(name, "") for name in ("name", "phone", "email")},
            "role_ids": sorted(held.get("role_ids", ())),
        }

    def close(self) -> None:
        """Close pooled connections."""
        self._http.close()

    def _versioned(self, version: int) -> dict[str, int]:
        return {"version": version} if self.capabilities.versions else {}

    def _record_asked_for(self, data: object, asked: Mapping[str, str]) -> RemoteRecord:
        found = record(data, versions=self.capabilities.versions)
        [(name, value)] = asked.items()
        same = {
            "userId": same_remote_id(found.remote_id, value),
            "externalId": same_external_id(found.external_id, value),
            "username": has_key(found.key, value),
        }
        # A target that ignores a field it does not know answers with just anybody.
        if not same[name]:
            raise unreadable(f"the target answered with a user of another {name}")
        return found

    def _read(self, call: str, body: Mapping[str, object], parse: Callable[[object], _Read]) -> _Read:
        """Ask and parse; nothing can take effect here, so an unknown outcome is merely one to ask for again."""
        if not getattr(self.capabilities, call):
            raise CapabilityMissing(call)
        try:
            return parse(self._ask(call, body))
        except OutcomeUnknown as unknown:
            failure = Transient(unknown.reason, unknown.message, http_status=unknown.http_status)
        raise failure

    def _ask(self, call: str, body: Mapping[str, object], headers: Mapping[str, str] | None = None) -> object:
        answer = self._http.send(
            "POST",
            self._paths[call],
            json.dumps(body).encode(),
            {"Content-Type": "application/json; charset=utf-8", "authToken": self._token, **(headers or {})},
            timeout_seconds=self._timeout_seconds,
            repeatable=call in READS,
        )
        return business_answer(answer, Question(call, self._clock()))


def _profile(obj: RemoteObject) -> dict[str, object]:
    held = fields_of(obj.payload)
    return {
        # The name is a must at this target, also of somebody who is gone.
        "name": held.get("name", obj.key),
        "phone": held.get("phone", ""),
        "email": held.get("email", ""),
        "roleIds": list(held.get("role_ids", ())),
        "externalId": obj.external_id,
    }


def _md5_hex(text: str) -> str:
    # The contract asks for MD5; it protects nothing here.
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
