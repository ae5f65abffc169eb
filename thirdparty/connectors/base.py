"""The protocol that every connector fulfils, and the shapes it speaks in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a target offers beyond add, update and delete (CONTRACT A).

    ``query``: a record can be looked up. ``list``: all records can be listed.
    ``idempotency``: an add repeated under the same key within 24 hours is applied once.
    ``versions``: a write is applied only when its version is above the stored one.
    """

    query: bool = False
    list: bool = False
    idempotency: bool = False
    versions: bool = False


@dataclass(frozen=True, slots=True)
class RemoteUser:
    """A user as a target is to hold them: what is wanted. Its ``repr`` shows no personal details."""

    external_id: str
    username: str = field(repr=False)
    name: str = field(repr=False)
    phone: str = field(repr=False)
    email: str = field(repr=False)
    role_ids: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class RemoteRecord:
    """A record as the target says it holds it: what was found."""

    remote_id: str
    user: RemoteUser
    version: int | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a listing; ``next_cursor`` is None on the last."""

    records: tuple[RemoteRecord, ...]
    next_cursor: str | None


class Connector(Protocol):
    """One target's calls. Each is one request with one total deadline and no hidden retries, but for
    a look-up or a listing, which may be asked once more where its connection had been closed already.

    All raise `thirdparty.connectors.errors.TargetError` subclasses and nothing else for whatever the
    network or the target does. Safe to share between threads, not across a fork.
    """

    capabilities: Capabilities

    def add(self, user: RemoteUser, *, version: int, idempotency_key: str) -> str:
        """Create the record and return its remote id.

        ``version`` and ``idempotency_key`` are sent only where the target honours them.
        Raises `AlreadyExists` when the username is registered already.
        """

    def update(self, remote_id: str, user: RemoteUser, *, version: int) -> None:
        """Make the record hold these values. Raises `NotFound`, `VersionConflict`."""

    def delete(self, remote_id: str) -> None:
        """Remove the record. Raises `NotFound` when it is gone already."""

    def find(
        self, *, remote_id: str | None = None, external_id: str | None = None, username: str | None = None
    ) -> RemoteRecord | None:
        """Look one record up by exactly one of the three; None when the target holds none.

        Raises `CapabilityMissing` where the target cannot be queried.
        """

    def page(self, cursor: str | None, *, limit: int) -> Page:
        """One page of all records. Raises `CapabilityMissing` where the target cannot list."""

    def close(self) -> None:
        """Close pooled connections."""
